use super::*;
use crate::event::ActivityEvent;
use crate::timeline::Event;
use icecore::ErrorKind;
use serde_json::json;
use tempfile::TempDir;

/// Events of these ids, each with its server time.
fn state(events: &[(&str, u64)]) -> Attempts {
    let mut state = Attempts::default();
    for (id, server) in events {
        let event: ActivityEvent = serde_json::from_value(json!({
            "id": id, "attemptId": "a", "type": "START", "occurredAt": 0, "createdAt": 0, "source": "user",
        }))
        .unwrap();
        let (attempt, event) = Event::new(event, Key::new(*server).unwrap());
        state.insert(attempt, event);
    }
    state
}

fn open(folder: &TempDir) -> Arrivals {
    Arrivals::open(&folder.path().join("log")).unwrap()
}

fn seen(arrivals: &Arrivals) -> Vec<u64> {
    arrivals.entries.iter().map(|e| e.seen.get()).collect()
}

fn ids(page: &Page) -> Vec<&str> {
    page.ids.iter().map(EventId::as_str).collect()
}

fn after(arrivals: &Arrivals, watermark: u64) -> Page {
    arrivals.after(Watermark(watermark), |_| 1)
}

#[test]
fn each_entry_is_later_than_all_before_it_whatever_the_clock_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder);
    let all = [("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1), ("f", 1)];
    // Three at one moment; then the clock stands, goes back, goes back over a restart, is before 1970, and goes on.
    for (count, now) in [(3, 1_000), (3, 1_000), (4, 400)] {
        log.append_new(&state(&all[..count]), now).unwrap();
    }
    assert_eq!(seen(&log), [1_000, 1_001, 1_002, 1_003]);
    drop(log);
    let mut log = open(&folder);
    log.append_new(&state(&all[..5]), -7).unwrap();
    log.append_new(&state(&all), 5_000).unwrap();
    assert_eq!(seen(&log), [1_000, 1_001, 1_002, 1_003, 1_004, 5_000]);
    assert_eq!(ids(&after(&log, 1_003)), ["e", "f"]);
}

#[test]
fn a_watermark_that_this_log_never_gave_counts_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder);
    let empty = after(&log, 1_678_886_400_000);
    assert_eq!((empty.ids.len(), empty.watermark.get()), (0, 0));
    log.append_new(&state(&[("a", 1)]), 1_000).unwrap();
    log.append_new(&state(&[("a", 1), ("b", 1)]), 2_000)
        .unwrap();
    for strange in [0, 999, 1_001, 1_999, 2_001, SAFE_INTEGER_MAX] {
        let page = after(&log, strange);
        assert_eq!(
            (ids(&page), page.watermark.get()),
            (vec!["a", "b"], 2_000),
            "{strange}"
        );
    }
    // One that it gave is safe to send back, also when there was nothing new.
    for _ in 0..2 {
        let page = after(&log, 2_000);
        assert_eq!((ids(&page), page.watermark.get()), (vec![], 2_000));
    }
    assert_eq!(ids(&after(&log, 1_000)), ["b"]);
}

#[test]
fn a_cut_answer_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder);
    let names: Vec<String> = (0..40).map(|n| format!("e{n:02}")).collect();
    let events: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    // All at one moment: nothing but the bumped times tells them apart.
    log.append_new(&state(&events), 1_000).unwrap();
    let (mut watermark, mut got, mut pages) = (Watermark::default(), Vec::new(), 0);
    loop {
        let page = log.after(watermark, |_| PAGE_BYTES_MAX / 7);
        got.extend(ids(&page).into_iter().map(str::to_owned));
        (watermark, pages) = (page.watermark, pages + 1);
        if !page.has_more {
            break;
        }
    }
    assert_eq!((got, pages), (names, 6));
    // What weighs more than an answer may is given all the same, by itself.
    let heavy = log.after(Watermark(1_000), |_| usize::MAX);
    assert_eq!((heavy.ids.len(), heavy.has_more), (1, true));
}

#[test]
fn what_counts_under_an_id_is_given_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder);
    log.append_new(&state(&[("a", 9), ("b", 9)]), 1_000)
        .unwrap();
    log.append_new(&state(&[("a", 5), ("b", 9)]), 2_000)
        .unwrap();
    assert_eq!(ids(&after(&log, 1_001)), ["a"]);
    // Whoever comes first now gets it once.
    assert_eq!(ids(&after(&log, 0)), ["a", "b"]);
    drop(log);
    // Nothing changes by a restart, and what waits to be sent is not given.
    let mut log = open(&folder);
    let waiting = state(&[("a", 5), ("b", 9), ("c", Key::MAX.get())]);
    assert_eq!(log.append_new(&waiting, 3_000).unwrap(), 0);
}

#[test]
fn a_log_that_says_what_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let line = |seen: &str| format!("{{\"seen\":{seen},\"id\":\"a\",\"serverTime\":1}}\n");
    for lines in [
        vec![line("7"), line("7")],
        vec![line("7"), line("6")],
        vec![line("0")],
        vec![line("-1")],
        vec![line("1.5")],
        vec!["{}\n".to_owned()],
    ] {
        std::fs::write(&path, format!("{{\"v\":1}}\n{}", lines.concat())).unwrap();
        let broken = Arrivals::open(&path).unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::Corrupt, "{lines:?}");
        assert!(broken.hint().unwrap().contains("delete it"));
    }
    std::fs::write(&path, "{\"v\":2}\n").unwrap();
    assert_eq!(
        Arrivals::open(&path).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    // Its times are used up: an error, and no time that was given before.
    std::fs::write(&path, format!("{{\"v\":1}}\n{}", line("9007199254740991"))).unwrap();
    let mut full = Arrivals::open(&path).unwrap();
    let error = full.append_new(&state(&[("b", 1)]), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(seen(&full), [SAFE_INTEGER_MAX]);
}
