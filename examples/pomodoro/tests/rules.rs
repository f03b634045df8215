//! Each rule on a small history written by hand, with what must be seen.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use icecore_example_pomodoro::history::History;
use icecore_example_pomodoro::line::read_call;
use icecore_example_pomodoro::line::write_line;
use icecore_example_pomodoro::view::{View, view};

const START: i64 = 1_781_096_400_000;

/// Backlogs `b` and `c`; in `b` the items `i` with two normal pomodoros and `j` with a tracker.
const BEFORE: [&str; 8] = [
    r#"CreateUser("u@local.host", "U")"#,
    r#"CreateBacklog("b", "B")"#,
    r#"CreateBacklog("c", "C")"#,
    r#"CreateWorkitem("i", "b", "I")"#,
    r#"CreateWorkitem("j", "b", "J")"#,
    r#"AddPomodoro("i", "2", "normal")"#,
    r#"AddPomodoro("j", "1", "tracker")"#,
    r##"CreateCategory("k", "#groups", "K")"##,
];

/// The file of these calls; each is made so many seconds after the start.
fn file(calls: &[(i64, &str)]) -> String {
    let before = BEFORE.map(|call| (0, call));
    let mut file = String::new();
    for (number, (seconds, call)) in (1..).zip(before.iter().chain(calls)) {
        let call = read_call(call).unwrap();
        let user = if call.kind == "CreateUser" {
            "admin@local.host"
        } else {
            "u@local.host"
        };
        file += &write_line((number, START + seconds * 1_000), user, &call);
    }
    file
}

/// What is seen so many seconds after the start, in short: a tick per sealed item, pomodoros, interruptions, intervals.
fn seen(calls: &[(i64, &str)], at: i64) -> String {
    let history = History::read(file(calls).as_bytes()).unwrap();
    short(&view(&history.state, START + at * 1_000))
}

fn short(view: &View) -> String {
    let backlogs = view.state().backlogs.iter().map(|backlog| {
        let items = backlog.items.iter().map(|item| {
            let tick = if item.sealed { "✓" } else { "" };
            let pomodoros = view.pomodoros(item).join(",");
            format!(
                " {}{tick}({pomodoros};{};{})",
                item.id, item.interruptions, item.intervals
            )
        });
        format!("{}:{}", backlog.id, items.collect::<String>())
    });
    backlogs.collect::<Vec<_>>().join(" ")
}

fn refused(calls: &[(i64, &str)]) -> String {
    History::read(file(calls).as_bytes())
        .unwrap_err()
        .to_string()
}

const I: &str = r#"StartTimer("i", "1500", "300")"#;
const LONG: &str = r#"StartTimer("i", "1500", "0")"#;
const J: &str = r#"StartTimer("j", "")"#;
const STOP: &str = r#"StopTimer("", "")"#;
const DONE_I: &str = r#"CompleteWorkitem("i", "finished")"#;
const DONE_J: &str = r#"CompleteWorkitem("j", "finished")"#;

#[test]
fn a_pomodoro_ends_by_itself_with_no_client_running() {
    for (at, expected) in [
        (10, "b: i(work,new;0;1) j(new;0;0) c:"),
        (1_509, "b: i(work,new;0;1) j(new;0;0) c:"),
        (1_510, "b: i(rest,new;0;1) j(new;0;0) c:"),
        (1_809, "b: i(rest,new;0;1) j(new;0;0) c:"),
        (1_810, "b: i(finished,new;0;1) j(new;0;0) c:"),
        (99_999_999, "b: i(finished,new;0;1) j(new;0;0) c:"),
    ] {
        assert_eq!(seen(&[(10, I)], at), expected, "{at}");
    }
    let twice = [(10, I), (1_810, I)];
    assert_eq!(seen(&twice, 1_810), "b: i(finished,work;0;2) j(new;0;0) c:");
    let other = [(10, I), (1_900, J), (2_000, STOP)];
    assert_eq!(
        seen(&other, 2_000),
        "b: i(finished,new;0;1) j(finished;0;1) c:"
    );
}

#[test]
fn a_long_break_and_a_tracker_end_only_when_stopped() {
    for (calls, at, expected) in [
        (&[(10, LONG)][..], 1_509, "b: i(work,new;0;1) j(new;0;0) c:"),
        (&[(10, LONG)], 99_999, "b: i(rest,new;0;1) j(new;0;0) c:"),
        (
            &[(10, LONG), (9_000, STOP)],
            9_000,
            "b: i(finished,new;0;1) j(new;0;0) c:",
        ),
        (&[(10, J)], 99_999, "b: i(new,new;0;0) j(work;0;1) c:"),
        (
            &[(10, J), (11, STOP)],
            11,
            "b: i(new,new;0;0) j(finished;0;1) c:",
        ),
    ] {
        assert_eq!(seen(calls, at), expected, "{calls:?}");
    }
}

#[test]
fn stopping_work_voids_it_and_stopping_a_rest_does_not() {
    let void = [
        (10, I),
        (100, r#"AddInterruption("i", "a call", "12.5")"#),
        (200, STOP),
    ];
    assert_eq!(seen(&void, 200), "b: i(new,new;1;1) j(new;0;0) c:");
    let again = [(10, I), (200, STOP), (300, I)];
    assert_eq!(seen(&again, 9_999), "b: i(finished,new;0;2) j(new;0;0) c:");
    let rest = [(10, I), (1_600, STOP)];
    assert_eq!(seen(&rest, 1_600), "b: i(finished,new;0;1) j(new;0;0) c:");
}

#[test]
fn completing_an_item_in_the_middle_voids_what_runs() {
    for (calls, expected) in [
        (
            &[(10, I), (200, DONE_I)][..],
            "b: i✓(new,new;1;1) j(new;0;0) c:",
        ),
        (
            &[(10, I), (1_600, DONE_I)],
            "b: i✓(new,new;1;1) j(new;0;0) c:",
        ),
        (
            &[(10, I), (1_810, DONE_I)],
            "b: i✓(finished,new;0;1) j(new;0;0) c:",
        ),
        (
            &[(10, LONG), (200, DONE_I)],
            "b: i✓(new,new;1;1) j(new;0;0) c:",
        ),
        (
            &[(10, LONG), (1_600, DONE_I)],
            "b: i✓(finished,new;0;1) j(new;0;0) c:",
        ),
        (
            &[(10, J), (200, DONE_J)],
            "b: i(new,new;0;0) j✓(finished;0;1) c:",
        ),
        (
            &[(10, I), (200, DONE_J)],
            "b: i(finished,new;0;1) j✓(new;0;0) c:",
        ),
    ] {
        assert_eq!(seen(calls, 9_999), expected, "{calls:?}");
    }
    let restored = [(10, DONE_I), (20, r#"RestoreWorkitem("i", "")"#), (30, I)];
    assert_eq!(seen(&restored, 30), "b: i(work,new;0;1) j(new;0;0) c:");
}

#[test]
fn deleting_what_runs_voids_it() {
    let gone = r#"DeleteWorkitem("i", "")"#;
    assert_eq!(
        seen(&[(10, I), (200, gone), (201, J)], 201),
        "b: j(work;0;1) c:"
    );
    assert_eq!(seen(&[(10, J), (200, gone)], 201), "b: j(work;0;1) c:");
    let backlog = [(10, I), (200, r#"DeleteBacklog("b", "")"#)];
    assert_eq!(seen(&backlog, 9_999), "c:");
    let after = [
        backlog[0],
        backlog[1],
        (300, r#"CreateWorkitem("x", "c", "X")"#),
        (300, r#"AddPomodoro("x", "1", "normal")"#),
        (300, r#"StartTimer("x", "1500", "300")"#),
    ];
    assert_eq!(seen(&after, 300), "c: x(work;0;1)");
}

#[test]
fn pomodoros_are_planned_and_taken_back_from_the_end() {
    let add = r#"AddPomodoro("i", "1", "tracker")"#;
    let calls = [(10, I), (20, add), (30, r#"RemovePomodoro("i", "2")"#)];
    assert_eq!(seen(&calls, 30), "b: i(work;0;1) j(new;0;0) c:");
    assert_eq!(
        refused(&[(10, I), (20, r#"RemovePomodoro("i", "2")"#)]),
        "line 10: cannot take back 2 pomodoros of i, which has 1 new ones"
    );
}

#[test]
fn places_and_names_change() {
    for (call, expected) in [
        (
            r#"MoveWorkitem("i", "c")"#,
            "b: j(new;0;0) c: i(new,new;0;0)",
        ),
        (
            r#"ReorderWorkitem("j", "0")"#,
            "b: j(new;0;0) i(new,new;0;0) c:",
        ),
        (
            r#"ReorderWorkitem("i", "2")"#,
            "b: j(new;0;0) i(new,new;0;0) c:",
        ),
        (
            r#"ReorderWorkitem("i", "1")"#,
            "b: i(new,new;0;0) j(new;0;0) c:",
        ),
        (
            r#"ReorderBacklog("c", "0")"#,
            "c: b: i(new,new;0;0) j(new;0;0)",
        ),
        (r#"DeleteBacklog("c", "")"#, "b: i(new,new;0;0) j(new;0;0)"),
    ] {
        assert_eq!(seen(&[(10, call)], 10), expected, "{call}");
    }
    let renamed = [
        (1, r#"RenameWorkitem("i", "say \"hi\"\n")"#),
        (2, r#"RenameBacklog("b", "")"#),
    ];
    let renamed = renamed.map(|(at, call)| (at, call.replace("\\n", "\n")));
    let renamed: Vec<(i64, &str)> = renamed
        .iter()
        .map(|(at, call)| (*at, call.as_str()))
        .collect();
    let state = History::read(file(&renamed).as_bytes()).unwrap().state;
    assert_eq!(state.item("i").unwrap().name, "say \"hi\"\n");
    assert_eq!(state.backlog("b").unwrap().name, "");
}

#[test]
fn a_running_item_can_move() {
    let calls = [
        (10, I),
        (20, r#"MoveWorkitem("i", "c")"#),
        (30, r#"DeleteBacklog("b", "")"#),
    ];
    assert_eq!(seen(&calls, 30), "c: i(work,new;0;1)");
    assert_eq!(seen(&calls, 2_000), "c: i(finished,new;0;1)");
}

#[test]
fn categories_are_kept() {
    let calls = [
        (1, r#"CreateCategory("l", "k", "L")"#),
        (2, r#"CreateCategory("m", "k", "M")"#),
        (3, r#"ReorderCategory("m", "0")"#),
        (4, r#"RenameCategory("m", "first")"#),
        (5, r#"UpdateWorkitemCategories("i", "", "l")"#),
        (6, r##"UpdateWorkitemCategories("i", "", "#wg_1")"##),
    ];
    let state = History::read(file(&calls).as_bytes()).unwrap().state;
    let names: Vec<&str> = state.categories.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["K", "first", "L"]);
    assert_eq!(
        Vec::from_iter(&state.item("i").unwrap().categories),
        ["#wg_1", "l"]
    );
    let gone = [&calls[..], &[(7, r#"DeleteCategory("k", "")"#)]].concat();
    let state = History::read(file(&gone).as_bytes()).unwrap().state;
    assert!(state.categories.is_empty());
    assert_eq!(
        Vec::from_iter(&state.item("i").unwrap().categories),
        ["#wg_1"]
    );
}

/// Histories that end with something impossible, and what is said of them.
type Refusals<'a> = &'a [(&'a [(i64, &'a str)], &'a str)];

fn assert_refused(table: Refusals<'_>) {
    for (calls, reason) in table {
        let refused = History::read(file(calls).as_bytes()).unwrap_err();
        assert_eq!(refused.to_string(), *reason, "{calls:?}");
    }
}

#[test]
fn a_timer_that_cannot_be_started_or_stopped_is_refused() {
    assert_refused(&[
        (
            &[(10, I), (20, J)][..],
            "line 10: the timer runs already, on the item i",
        ),
        (
            &[(10, I), (20, I)],
            "line 10: the timer runs already, on the item i",
        ),
        (
            &[(10, r#"StartTimer("x", "1500", "300")"#)],
            "line 9: there is no item x",
        ),
        (
            &[(10, J), (20, STOP), (30, J)],
            "line 11: the item j has no new pomodoro",
        ),
        (
            &[(10, DONE_I), (20, I)],
            "line 10: the item i is complete: restore it first",
        ),
        (
            &[(10, DONE_I), (20, DONE_I)],
            "line 10: the item i is complete: restore it first",
        ),
        (
            &[(10, DONE_I), (20, r#"AddPomodoro("i", "1", "normal")"#)],
            "line 10: the item i is complete: restore it first",
        ),
        (
            &[(10, r#"RestoreWorkitem("i", "")"#)],
            "line 9: the item i is not complete",
        ),
        (&[(10, STOP)], "line 9: no timer runs that could be stopped"),
        (
            &[(10, I), (1_810, STOP)],
            "line 10: no timer runs that could be stopped",
        ),
        (
            &[(10, I), (9, STOP)],
            "line 10: happened at 2026-06-10T13:00:09.000Z, before the update in front of it (2026-06-10T13:00:10.000Z)",
        ),
    ]);
}

#[test]
fn a_start_or_an_interruption_that_means_nothing_is_refused() {
    assert_refused(&[
        (
            &[(10, r#"StartTimer("i", "")"#)],
            "line 9: the next pomodoro of i needs the seconds of work and of rest",
        ),
        (
            &[(10, r#"StartTimer("i", "1500")"#)],
            "line 9: the next pomodoro of i needs the seconds of work and of rest",
        ),
        (
            &[(10, r#"StartTimer("i", "0", "300")"#)],
            "line 9: the next pomodoro of i needs the seconds of work and of rest",
        ),
        (
            &[(10, r#"StartTimer("j", "1500", "300")"#)],
            "line 9: the next pomodoro of j is a tracker: it has no length",
        ),
        (
            &[(10, r#"AddInterruption("i", "", "")"#)],
            "line 9: nothing runs on the item i that could be interrupted",
        ),
        (
            &[(10, I), (20, r#"AddInterruption("j", "", "")"#)],
            "line 10: nothing runs on the item j that could be interrupted",
        ),
    ]);
}

#[test]
fn what_is_not_there_or_there_twice_is_refused() {
    assert_refused(&[
        (
            &[(10, r#"CreateUser("v@local.host", "V")"#)],
            "line 9: the space is that of u@local.host already",
        ),
        (
            &[(10, r#"CreateBacklog("b", "B")"#)],
            "line 9: the backlog b is there already",
        ),
        (
            &[(10, r#"CreateBacklog("", "B")"#)],
            "line 9: a new backlog needs an id",
        ),
        (
            &[(10, r#"CreateWorkitem("i", "c", "I")"#)],
            "line 9: the item i is there already",
        ),
        (
            &[(10, r#"CreateWorkitem("x", "x", "I")"#)],
            "line 9: there is no backlog x",
        ),
        (
            &[(10, r#"DeleteBacklog("x", "")"#)],
            "line 9: there is no backlog x",
        ),
        (
            &[(10, r#"MoveWorkitem("i", "b")"#)],
            "line 9: the item i is in the backlog b already",
        ),
        (
            &[(10, r#"ReorderBacklog("b", "3")"#)],
            "line 9: there is no place 3 among 2",
        ),
        (
            &[(10, r#"AddPomodoro("i", "0", "normal")"#)],
            "line 9: an item has at most 1000 pomodoros, added one or more at once",
        ),
        (
            &[(10, r#"AddPomodoro("i", "999", "normal")"#)],
            "line 9: an item has at most 1000 pomodoros, added one or more at once",
        ),
        (
            &[(10, r#"UpdateWorkitemCategories("i", "k", "")"#)],
            "line 9: the item i is not in the category k",
        ),
        (
            &[(10, r#"UpdateWorkitemCategories("i", "", "x")"#)],
            "line 9: there is no category x",
        ),
        (
            &[(10, r#"CreateCategory("k", "k", "K")"#)],
            "line 9: the category k is there already",
        ),
    ]);
}

#[test]
fn a_user_comes_first_and_writes_all_of_it() {
    let of = |number: u64, user: &str, call: &str| {
        let call = read_call(call).unwrap();
        write_line((number, START), user, &call)
    };
    let admin = of(1, "admin@local.host", BEFORE[0]);
    for (file, reason) in [
        (
            of(1, "u@local.host", BEFORE[1]),
            "line 1: there is no user yet: CreateUser comes first",
        ),
        (
            of(1, "u@local.host", BEFORE[0]),
            "line 1: is by \"u@local.host\" where only \"admin@local.host\" can be",
        ),
        (
            admin.clone() + &of(2, "v@local.host", BEFORE[1]),
            "line 2: is by \"v@local.host\" where only \"u@local.host\" can be",
        ),
        (
            of(1, "admin@local.host", r#"CreateUser("a: b", "")"#),
            "line 1: \"a: b\" is no identity of a user",
        ),
        (
            admin.clone() + &of(3, "u@local.host", BEFORE[1]),
            "line 2: has the number 3 where 2 must follow",
        ),
        (
            admin.clone() + &of(1, "u@local.host", BEFORE[1]),
            "line 2: has the number 1 where 2 must follow",
        ),
        (
            of(2, "admin@local.host", BEFORE[0]),
            "line 1: has the number 2 where 1 must follow",
        ),
        (
            admin + "2, 2026-06-10 13:00:00+00:00, u@local.host: CreateBacklog(\"b\", \"half",
            "line 2: ends in the middle of a text",
        ),
    ] {
        let refused = History::read(file.as_bytes()).unwrap_err();
        assert_eq!(refused.kind(), icecore::ErrorKind::Invalid);
        assert!(refused.to_string().starts_with(reason), "{refused}");
    }
}
