//! Considerations of the timer's makers that no other test shows.

use crate::support::{
    MINUTE, START, START_I, created, file, joined, objects, opened, place, update,
};
use icecore::ErrorKind;
use icecore_example_pomodoro::import::Mode;
use icecore_example_pomodoro::kinds::update_of;
use icecore_example_pomodoro::line::read_call;
use icecore_example_pomodoro::session::Session;
use std::path::PathBuf;
use tempfile::TempDir;

/// What ends by itself has no kind: nobody can record it, and no file can bring it.
#[tokio::test]
async fn there_is_no_update_for_what_ends_by_itself() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder, &[(1, START_I)]).await;
    for call in [
        r#"FinishPomodoro("i")"#,
        r#"VoidPomodoro("i")"#,
        r#"StartRest("i", "300")"#,
        r#"FinishPomodoroInternal("i")"#,
    ] {
        let refused = update_of(&read_call(call).unwrap()).unwrap_err();
        assert!(refused.contains("is not a kind of update"), "{refused}");
        let text = String::from_utf8(file(&[(1, START_I)])).unwrap();
        let text = format!("{text}8, 2026-06-11 00:00:00+00:00, user@local.host: {call}\n");
        let refused = laptop.import(text.as_bytes(), Mode::Merge).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    }
    // Only the start and the void are somebody's; the end is there all the same.
    let seen = laptop.view(Some(START + 31 * MINUTE)).await.unwrap();
    let item = seen.state().item("i").unwrap();
    assert_eq!(seen.pomodoros(item), ["finished", "new"]);
}

#[tokio::test]
async fn a_client_that_connects_again_reads_what_came_since_it_last_did() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder, &[]).await;
    let phone = joined(&folder, "phone").await;
    let count = phone.replica.state().count;
    drop(phone);
    for call in [START_I, r#"StopTimer("", "")"#] {
        laptop.record(update(call)).await.unwrap();
        laptop.replica.sync().await.unwrap();
    }
    let phone = opened(&folder, "phone").await;
    assert_eq!(phone.replica.state().count, count);
    let pulled = phone.replica.sync().await.unwrap().pulled;
    assert_eq!((pulled.objects, pulled.arrived.len()), (2, 2));
    assert_eq!(phone.replica.state(), laptop.replica.state());
}

/// The objects of updates, in order.
fn update_objects(folder: &TempDir) -> Vec<PathBuf> {
    let is_update = |path: &PathBuf| {
        path.parent()
            .is_some_and(|parent| parent.ends_with("updates"))
    };
    objects(folder).into_keys().filter(is_update).collect()
}

#[tokio::test]
async fn what_is_missing_at_the_end_is_not_there_yet_and_what_is_missing_before_is_an_error() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder, &[]).await;
    for call in [START_I, r#"StopTimer("", "")"#, START_I] {
        laptop.record(update(call)).await.unwrap();
        laptop.replica.sync().await.unwrap();
    }
    let objects = update_objects(&folder);
    assert!(objects.len() >= 4, "{objects:?}");

    // The last one is on its way: whoever comes sees the history up to it, which is consistent.
    let last = objects.last().unwrap();
    let aside = folder.path().join("aside");
    std::fs::rename(last, &aside).unwrap();
    let phone = joined(&folder, "phone").await;
    assert_eq!(
        (phone.replica.state().count, &phone.replica.state().timer),
        (8, &None)
    );
    std::fs::rename(&aside, last).unwrap();
    let later = joined(&folder, "later").await;
    assert_eq!(later.replica.state(), laptop.replica.state());

    // One in the middle is gone: what follows is not taken for a history, and nothing is made up in its place.
    let before = objects.len() - 2;
    std::fs::rename(&objects[before], &aside).unwrap();
    let tablet = opened(&folder, "tablet").await;
    for _ in 0..2 {
        let missing = tablet.sync().await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Corrupt, "{missing}");
        assert!(missing.to_string().contains("is missing in the middle"));
        assert!(missing.object().is_some() && missing.hint().is_some());
        // The last update that is not missing is the start.
        let state = tablet.replica.state();
        assert_eq!((state.count, state.timer.is_some()), (7, true));
    }
    assert_eq!(update_objects(&folder).len(), objects.len() - 1);
}

/// An item with a finished pomodoro is deleted. It was there, which the past shows; and the history without the line that
/// deleted it, in another space, has it back with all that it had.
#[tokio::test]
async fn what_was_deleted_is_in_the_history_and_can_be_had_back() {
    let folder = TempDir::new().unwrap();
    let interrupt = r#"AddInterruption("i", "a call", "30.0")"#;
    let calls = [
        (1, START_I),
        (2, interrupt),
        (40, r#"DeleteWorkitem("i", "")"#),
        (50, r#"RenameBacklog("b", "C")"#),
    ];
    let laptop = created(&folder, &calls).await;
    let state = laptop.replica.state();
    assert!(state.item("i").is_none());
    // No mark and no place for what was deleted: the state is as if it had never been there.
    let json = serde_json::to_string(&*state).unwrap();
    assert!(!json.contains(r#""i""#), "{json}");
    let then = laptop.view(Some(START + 39 * MINUTE)).await.unwrap();
    let item = then.state().item("i").unwrap();
    assert_eq!(then.pomodoros(item), ["finished", "new"]);

    let log = laptop.log().await.unwrap();
    let line = log.lines().find(|line| line.contains("Delete")).unwrap();
    let number = line.split(',').next().unwrap().parse().unwrap();
    let kept = laptop.log_without(&[number]).await.unwrap();
    let place = place(&folder, "laptop");
    let copy = Session::create(&place, "copy", true).await.unwrap();
    copy.import(kept.as_bytes(), Mode::Replay).await.unwrap();
    let back = copy.view(None).await.unwrap();
    let item = back.state().item("i").unwrap();
    assert_eq!(back.pomodoros(item), ["finished", "new"]);
    assert_eq!(item.interruptions, 1);
    // What came after is there too.
    assert_eq!(back.state().backlog("b").unwrap().name, "C");
    // The history of before is as it was.
    assert_eq!(laptop.log().await.unwrap(), log);
}

#[tokio::test]
async fn a_line_that_others_need_cannot_be_left_out_alone() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder, &[(1, START_I)]).await;
    for (numbers, reason) in [
        (
            &[3][..],
            "what is left cannot have happened: update 4: there is no item i",
        ),
        (&[99], "the history has no line 99"),
        (&[0], "the history has no line 0"),
    ] {
        let refused = laptop.log_without(numbers).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert!(refused.to_string().starts_with(reason), "{refused}");
        assert!(refused.hint().is_some());
    }
    let all = laptop.log_without(&[3, 5, 7]).await.unwrap();
    assert_eq!(all.lines().count(), 4);
}

/// A history is never changed: what is compressed begins another one, of exactly the same state.
#[tokio::test]
async fn compressing_changes_no_object_of_the_history() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder, &[(1, START_I), (40, START_I)]).await;
    let before = update_objects(&folder);
    let bytes: Vec<_> = before
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let shown = laptop.view(None).await.unwrap().to_json();
    let state = laptop.replica.state();
    assert!(laptop.compress().await.unwrap());
    let after: Vec<_> = before
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert_eq!(after, bytes);
    let phone = joined(&folder, "phone").await;
    assert_eq!(phone.replica.state(), state);
    assert_eq!(phone.view(None).await.unwrap().to_json(), shown);
}
