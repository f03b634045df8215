//! `export` and `import`.

use crate::support::command::{Place, Replica, in_full};
use std::fs;

/// A store whose space `todo` two replicas wrote, in turns, partly rolled up.
fn written() -> (Place, Replica, Replica) {
    let place = Place::with_todo();
    let (a, b) = (place.replica("a"), place.replica("b"));
    for n in 1..=3 {
        for replica in [&a, &b] {
            let name = replica.folder().file_name().unwrap().to_str().unwrap();
            let update = format!(
                r#"{{"kind":"append","data":{{"/log":["{name}{n}"]}},"at":"2026-01-01T00:00:0{n}.000Z"}}"#
            );
            replica.ok(&["update", "todo", &update]);
        }
        if n == 2 {
            a.ok(&["rollup", "todo", "--now"]);
        }
    }
    (place, a, b)
}

fn other_store(place: &Place) -> Replica {
    let other = place
        .replica("other")
        .on(place.folder().join("other-store").display().to_string());
    other.ok(&["init"]);
    other.ok(&["space", "create", "todo"]);
    other
}

#[test]
fn merging_keeps_ids_and_is_idempotent() {
    let (place, a, _) = written();
    let exported = a.ok(&["export", "todo"]);
    let file = place.folder().join("todo.ndjson");
    fs::write(&file, &exported).unwrap();
    let file = file.to_str().unwrap();
    let other = other_store(&place);
    let first = &other.json(&["import", "todo", file])[0];
    assert_eq!(
        (&first["imported"], &first["skipped"]),
        (&6.into(), &0.into())
    );
    assert_eq!(other.ok(&["state", "todo"]), a.ok(&["state", "todo"]));
    let again = &other.json(&["import", "todo", file, "--merge"])[0];
    assert_eq!(
        (&again["imported"], &again["skipped"]),
        (&0.into(), &6.into())
    );
    other.ok(&["rollup", "todo", "--now"]);
    let again = other.ok(&["import", "todo", file]);
    assert_eq!(
        again,
        "todo: imported 0 updates, skipped 6 that were there\n"
    );
    let ids = |text: &str| -> Vec<String> {
        text.lines()
            .map(|l| l.split(",\"key\"").next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&other.ok(&["export", "todo"])), ids(&exported));
    other.ok(&["verify"]);
    // Back to where it came from: all of it is there.
    let back = a
        .run_with(
            &["import", "todo", "-", "--json"],
            other.ok(&["export", "todo"]),
        )
        .expect_code(0);
    assert_eq!(back.values()[0]["skipped"], 6);
}

#[test]
fn the_rest_of_an_import_that_was_cut_short_follows() {
    let (place, a, _) = written();
    let exported = a.ok(&["export", "todo"]);
    let half: String = exported.split_inclusive('\n').take(3).collect();
    let other = other_store(&place);
    other.run_with(&["import", "todo", "-"], half).ok();
    let rest = other
        .run_with(&["import", "todo", "-", "--json"], &exported)
        .expect_code(0);
    assert_eq!(
        (&rest.values()[0]["imported"], &rest.values()[0]["skipped"]),
        (&3.into(), &3.into())
    );
    assert_eq!(other.ok(&["state", "todo"]), a.ok(&["state", "todo"]));
}

#[test]
fn replaying_into_a_new_space_gives_the_same_state() {
    let (_place, a, b) = written();
    // Also with a rejected update and the one that settles it.
    a.merge("todo", r#"{"n":1}"#);
    let rejected = b
        .run(&[
            "update",
            "todo",
            r#"{"kind":"append","data":{"/n":[1]}}"#,
            "--json",
        ])
        .expect_code(0);
    let id = crate::support::command::id_of(&rejected.values()[0]);
    a.ok(&["resolve", "todo", &id, r#"{"kind":"merge","data":{"n":2}}"#]);
    a.ok(&["space", "create", "copy"]);
    let exported = a.ok(&["export", "todo"]);
    let appended = b
        .run_with(&["import", "copy", "-", "--replay"], &exported)
        .ok();
    assert_eq!(appended, "copy: appended 9 updates\n");
    assert_eq!(a.ok(&["state", "copy"]), a.ok(&["state", "todo"]));
    assert!(
        a.json(&["conflicts", "copy"]).is_empty(),
        "what was settled is settled in the copy"
    );
    let log = a.json(&["log", "copy"]);
    assert!(log.iter().all(|line| line["author"] == log[0]["author"]));
    assert_eq!(log[0]["at"], "2026-01-01T00:00:01.000Z");
    b.run_with(&["import", "copy", "-", "--replay"], &exported)
        .ok();
    assert_eq!(a.json(&["log", "copy"]).len(), 18, "to replay is to append");
}

#[test]
fn a_history_goes_into_a_sequenced_space_in_its_order() {
    let (_place, a, b) = written();
    b.ok(&["space", "create", "line", "--order", "sequence"]);
    let exported = a.ok(&["export", "todo"]);
    b.run_with(&["import", "line", "-"], &exported).ok();
    assert_eq!(b.ok(&["state", "line"]), a.ok(&["state", "todo"]));
    let again = b
        .run_with(&["import", "line", "-", "--json"], &exported)
        .expect_code(0);
    assert_eq!(again.values()[0]["imported"], 0);
    let unfit = r#"{"author":"018bcfe5-6800-7fff-bfff-ffffffffffff","seq":1,"at":"2026-01-01T00:00:00Z","kind":"increment","data":{"/log":1}}"#;
    let refused = b.run_with(&["import", "line", "-"], unfit).expect_code(3);
    assert!(
        refused.stderr.contains("nothing was imported"),
        "{refused:?}"
    );
    assert_eq!(b.json(&["log", "line"]).len(), 6);
}

#[test]
fn what_cannot_be_imported_is_named_and_nothing_is() {
    let (place, a, _) = written();
    let exported = a.ok(&["export", "todo"]);
    let other = other_store(&place);
    let bad = |line: &str| format!("{exported}{line}\n");
    for (text, expected) in [
        (bad("{"), "line 7"),
        (bad(r#"{"kind":"merge","data":{}}"#), "--replay"),
        (
            bad(&exported.lines().next().unwrap().replace("\"a1\"", "\"z9\"")),
            "another content than in line 1",
        ),
    ] {
        let ran = other
            .run_with(&["import", "todo", "-"], text)
            .expect_code(2);
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
    assert!(other.json(&["log", "todo"]).is_empty());
    assert!(
        other
            .fails(1, &["import", "todo", "missing.ndjson"])
            .contains("no such file")
    );
    assert!(
        other
            .fails(1, &["import", "nowhere", "-"])
            .contains("no space nowhere")
    );
    // Another update under an id that the space has would be lost silently.
    for rolled_up in [false, true] {
        let changed = exported.replace("\"b3\"", "\"z9\"");
        let ran = a.run_with(&["import", "todo", "-"], changed).expect_code(3);
        assert!(
            ran.stderr
                .contains("another update under this author and seq"),
            "{rolled_up}: {ran:?}"
        );
        a.ok(&["rollup", "todo", "--now"]);
    }
    let replayed = other
        .run_with(
            &["import", "todo", "-", "--replay"],
            r#"{"kind":"mrege","data":{}}"#,
        )
        .expect_code(2);
    assert!(
        replayed.stderr.contains("does not know the kind"),
        "{replayed:?}"
    );
}

#[test]
fn what_a_space_could_not_read_is_carried_along() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let odd = r#"{"v":1,"author":"018bcfe5-6800-7fff-bfff-ffffffffffff","seq":1,"updates":[{"odd":1},{"at":"2026-01-01T00:00:00Z","kind":"unheard","data":null}]}"#;
    fs::create_dir_all(place.object("spaces/todo/0001/updates")).unwrap();
    fs::write(place.object("spaces/todo/0001/updates/1700000000000"), odd).unwrap();
    a.ok(&["rollup", "todo", "--now"]);
    let exported = a.ok(&["export", "todo"]);
    assert!(
        exported.contains(r#""raw":{"odd":1}"#) && exported.contains(r#""data":null"#),
        "{exported}"
    );
    let other = other_store(&place);
    other.run_with(&["import", "todo", "-"], &exported).ok();
    assert_eq!(other.json(&["conflicts", "todo"]).len(), 2);
    assert_eq!(a.json(&["conflicts", "todo"]).len(), 2);
    a.ok(&["space", "create", "copy"]);
    let replayed = a
        .run_with(&["import", "copy", "-", "--replay"], &exported)
        .ok();
    assert!(
        replayed.contains("appended 1 update, left out 1"),
        "{replayed}"
    );
    assert_eq!(a.json(&["conflicts", "copy"]).len(), 1);
}

/// An import wrote one object per line where authors took turns: 3,000 lines took 21.7 s instead of 0.2 s (others waited for
/// hours: powersync-js#637, #1114). Each author's updates are stored together, unless the order between them counts.
#[test]
fn row_27_authors_in_turn_are_few_objects_and_the_order_that_counts_is_kept() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let authors = [
        "018bcfe5-6800-7fff-bfff-ffffffffffff",
        "018bcfe5-6801-7fff-bfff-ffffffffffff",
    ];
    let lines = |count: usize, update: &dyn Fn(usize, usize) -> String| -> String {
        let both = (1..=count).flat_map(|seq| [(0, seq), (1, seq)]);
        both.map(|(who, seq)| {
            let (author, update) = (authors[who], update(who, seq));
            format!(
                r#"{{"author":"{author}","seq":{seq},"at":"2026-01-01T00:00:00.000Z",{update}}}"#
            ) + "\n"
        })
        .collect()
    };
    let steps = lines(1_500, &|who, _| {
        format!(r#""kind":"increment","data":{{"/steps/{who}":1}}"#)
    });
    let ran = a
        .run_with(&["import", "todo", "-", "--json"], &steps)
        .expect_code(0);
    assert_eq!(ran.values()[0]["imported"], 3_000);
    assert_eq!(
        place.objects("spaces/todo/0001/updates").len(),
        6,
        "three full objects of each author"
    );
    assert_eq!(
        a.ok(&["state", "todo"]),
        "{\"steps\":{\"0\":1500,\"1\":1500}}\n"
    );
    // Where they write to one list, each line stays where it is.
    a.ok(&["space", "create", "talk"]);
    let talk = lines(40, &|who, seq| {
        format!(r#""kind":"append","data":{{"/log":["{who}-{seq}"]}}"#)
    });
    a.run_with(&["import", "talk", "-"], &talk).ok();
    let said: Vec<String> = (1..=40)
        .flat_map(|seq| [0, 1].map(|who| format!("\"{who}-{seq}\"")))
        .collect();
    assert_eq!(
        a.ok(&["state", "talk", "--path", "/log"]),
        format!("[{}]\n", said.join(","))
    );
    a.ok(&["verify"]);
}

/// `export` spelled updates anew: members that this program does not know were gone, and a history with a time that is none
/// could not be imported at all.
#[test]
fn a_history_goes_out_and_in_byte_for_byte() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let updates = [
        r#"{"at":"2026-01-01T00:00:00.000Z","kind":"merge","data":{"a":1}}"#,
        r#"{"at":"yesterday","kind":"merge","data":{"b":1}}"#,
        r#"{"kind":"merge","at":"2026-01-01T00:00:00Z","data":{"c":1},"colour":"red"}"#,
        r#"{ "at":"2026-01-01T00:00:00Z", "kind":"\u006derge", "data":{ "d" : 1 } }"#,
        r#"{"at":"2026-01-01T00:00:00Z","kind":"merge","data":{"e":1},"resolves":null}"#,
    ];
    let object = format!(
        r#"{{"v":1,"author":"018bcfe5-6800-7fff-bfff-ffffffffffff","seq":1,"updates":[{}]}}"#,
        updates.join(",")
    );
    fs::create_dir_all(place.object("spaces/todo/0001/updates")).unwrap();
    fs::write(
        place.object("spaces/todo/0001/updates/1700000000000"),
        object,
    )
    .unwrap();
    let exported = a.ok(&["export", "todo"]);
    let other = other_store(&place);
    other.run_with(&["import", "todo", "-"], &exported).ok();
    let root = place.folder().join("other-store");
    let below = root.join(in_full(&root, "spaces/todo/0001/updates"));
    let stored = fs::read_dir(&below)
        .unwrap()
        .map(|e| fs::read_to_string(e.unwrap().path()).unwrap());
    let stored: Vec<String> = stored.collect();
    assert_eq!(stored.len(), 1);
    for update in updates {
        assert!(stored[0].contains(update), "{update} in {}", stored[0]);
    }
    let keyless = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|l| l.split_once(",\"key\":").unwrap());
        lines
            .map(|(id, rest)| id.to_owned() + rest.split_once(',').unwrap().1)
            .collect()
    };
    assert_eq!(keyless(&other.ok(&["export", "todo"])), keyless(&exported));
    assert_eq!(other.ok(&["state", "todo"]), a.ok(&["state", "todo"]));
    // Made anew, an update has a time.
    a.ok(&["space", "create", "copy"]);
    a.run_with(&["import", "copy", "-", "--replay"], &exported)
        .ok();
    assert_eq!(a.ok(&["state", "copy"]), a.ok(&["state", "todo"]));
    assert!(
        a.json(&["log", "copy"])[1]["at"]
            .as_str()
            .unwrap()
            .starts_with("20")
    );
}

/// What other programs put before JSON, or around it, was "expected value at line 1 column 1" (convex#138).
#[test]
fn row_28_a_byte_order_mark_and_a_json_array_are_taken_or_named() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let line = r#"{"kind":"increment","data":{"/n":1}}"#;
    let marked = format!("\u{feff}{line}\r\n");
    a.run_with(&["import", "todo", "-", "--replay"], &marked)
        .ok();
    a.run_with(&["update", "todo", "-"], &marked).ok();
    assert_eq!(a.ok(&["state", "todo"]), "{\"n\":2}\n");
    let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let list = format!("[{line},\n{line}]\n");
    let spread = format!("[\n  {line}\n]\n");
    for (text, said) in [
        (wide, "UTF-16"),
        (list.into_bytes(), "jq -c"),
        (spread.into_bytes(), "jq -c"),
    ] {
        for command in [
            &["import", "todo", "-", "--replay"][..],
            &["update", "todo", "-"],
        ] {
            let ran = a.run_with(command, &text).expect_code(2);
            assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        }
    }
    assert_eq!(a.ok(&["state", "todo"]), "{\"n\":2}\n");
}
