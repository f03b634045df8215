use super::*;
use icecore::ErrorKind;
use serde_json::json;

fn id(n: u8) -> String {
    format!("00000000-0000-8000-8000-0000000000{n:02}")
}

fn events(numbers: impl IntoIterator<Item = u8>) -> Vec<Event> {
    let event = |n| json!({"uuid": id(n), "readNewMessage": {"uuid": id(99), "userUuid": "u"}});
    let numbers = numbers.into_iter();
    numbers
        .map(|n| serde_json::from_value(event(n)).unwrap())
        .collect()
}

/// The numbers of all events after a place.
fn after(log: &mut EventLog, place: Option<&str>) -> Vec<u8> {
    let place = place.map(|text| text.parse().unwrap());
    let mut position = log.position_after(place.as_ref());
    let mut numbers = Vec::new();
    loop {
        let page = log.page(position).unwrap();
        if page.is_empty() {
            return numbers;
        }
        position += page.len();
        let ids = page.iter().map(|given| given.place.event.to_string());
        numbers.extend(ids.map(|id| id[34..].parse::<u8>().unwrap()));
    }
}

#[test]
fn a_place_outlives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let mut log = EventLog::open(&path).unwrap();
    assert!(log.is_empty());
    assert_eq!(log.append(&[], "one").unwrap(), 0);
    assert_eq!(log.append(&events([3, 1, 3]), "two").unwrap(), 2);
    assert_eq!(log.append(&events([2, 1]), "two").unwrap(), 1);
    assert_eq!(
        EventLog::open(&path).unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    drop(log);

    let mut log = EventLog::open(&path).unwrap();
    assert_eq!(log.append(&events([1, 4]), "three").unwrap(), 1);
    assert_eq!(log.append(&events([5]), "four").unwrap(), 1);
    let all = [3, 1, 2, 4, 5];
    assert_eq!(after(&mut log, None), all);
    for (place, left) in [
        (format!("{}.one", id(1)), &all[2..]),
        (format!("{}.three", id(4)), &all[4..]),
        (format!("{}.three", id(5)), &[]),
        (id(3), &all[1..]),
        (id(5), &[]),
        // With this the server began that started last: it may stand elsewhere in a log that was lost.
        (id(4), &all),
        // Of another part, or of none that was ever there.
        (format!("{}.one", id(4)), &all),
        (format!("{}.three", id(1)), &all),
        (format!("{}.two", id(1)), &all),
        (id(50), &all),
    ] {
        assert_eq!(after(&mut log, Some(&place)), left, "{place}");
    }
    let held = log.get(id(4).parse().unwrap()).unwrap();
    assert_eq!(held.as_ref(), events([4]).first());
    assert_eq!(log.get(id(50).parse().unwrap()).unwrap(), None);
}

/// A log that was lost is begun anew with what is there, in another order than the old one had. Who held 2 then had not
/// got 3 yet.
#[test]
fn who_held_an_event_of_a_lost_log_gets_everything_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = EventLog::open(&folder.path().join("events.log")).unwrap();
    log.append(&events([1, 3, 2]), "new").unwrap();
    log.append(&events([4, 5]), "new").unwrap();
    assert_eq!(after(&mut log, Some(&id(2))), [1, 3, 2, 4, 5]);
    // Who knows the log's name got 3 from it.
    assert_eq!(after(&mut log, Some(&format!("{}.new", id(2)))), [4, 5]);
    // And what came since came in this order.
    assert_eq!(after(&mut log, Some(&id(4))), [5]);
}

#[test]
fn what_a_crash_cut_is_as_if_it_had_not_been() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let mut log = EventLog::open(&path).unwrap();
    log.append(&events([1, 2]), "one").unwrap();
    drop(log);
    let whole = std::fs::read(&path).unwrap();
    for len in 0..whole.len() {
        std::fs::write(&path, &whole[..len]).unwrap();
        let mut log = EventLog::open(&path).unwrap();
        let held = log.len();
        log.append(&events([1, 2, 3]), "one").unwrap();
        assert_eq!(after(&mut log, None), [1, 2, 3], "{len} bytes, {held} held");
        drop(log);
        let mut log = EventLog::open(&path).unwrap();
        assert_eq!(after(&mut log, None), [1, 2, 3], "{len} bytes");
    }
}

#[test]
fn a_file_of_another_make_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    for (text, kind) in [
        ("hi\n", ErrorKind::Corrupt),
        ("{\"v\":1}\n", ErrorKind::Corrupt),
        ("{\"v\":2,\"log\":\"a\",\"base\":0}\n", ErrorKind::Invalid),
        (
            "{\"v\":1,\"log\":\"a\",\"base\":0}\n{}\n",
            ErrorKind::Corrupt,
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = EventLog::open(&path).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}");
        assert!(error.hint().is_some());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_long_log_is_read_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = EventLog::open(&folder.path().join("events.log")).unwrap();
    let large = |n: u8| Event {
        uuid: id(n),
        content: crate::wire::Content::ProfilePictureChanged(crate::wire::ProfilePictureChanged {
            user_uuid: "u".to_owned(),
            png_image: crate::wire::Base64(vec![0; 256 * 1024]),
        }),
    };
    let all: Vec<Event> = (0..10).map(large).collect();
    log.append(&all, "one").unwrap();
    assert_eq!(log.page(0).unwrap().len(), 2);
    assert_eq!(after(&mut log, None), (0..10).collect::<Vec<u8>>());
    assert!("not an id".parse::<Place>().is_err());
}

/// The log was put back from a backup, and what it lacks is appended anew, in another order: 5 became visible meanwhile, and
/// belongs before the others. Who held 4 before has not got it.
#[test]
fn a_log_that_was_put_back_skips_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let mut log = EventLog::open(&path).unwrap();
    log.append(&events([1]), "one").unwrap();
    log.append(&events([2]), "one").unwrap();
    let backup = std::fs::read(&path).unwrap();
    log.append(&events([3, 4]), "one").unwrap();
    drop(log);
    std::fs::write(&path, backup).unwrap();
    let mut log = EventLog::open(&path).unwrap();
    log.append(&events([5, 3, 4]), "two").unwrap();
    let all = [1, 2, 5, 3, 4];
    for held in [3, 4] {
        assert_eq!(after(&mut log, Some(&format!("{}.one", id(held)))), all);
        assert_eq!(after(&mut log, Some(&id(held))), all);
    }
    // What was given out before the backup stands where it stood.
    assert_eq!(after(&mut log, Some(&format!("{}.one", id(2)))), all[2..]);
    assert_eq!(after(&mut log, Some(&id(2))), all[2..]);
}

/// What counts under an id is another copy now: it is given out once more, and a place that is in the log twice skips nothing.
#[test]
fn what_counts_otherwise_is_given_out_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let other: Event = serde_json::from_value(
        json!({"uuid": id(1), "readNewMessage": {"uuid": id(98), "userUuid": "u"}}),
    )
    .unwrap();
    let mut log = EventLog::open(&path).unwrap();
    log.append(&[], "one").unwrap();
    log.append(&events([1, 2]), "one").unwrap();
    assert!(!log.differs(&events([2, 1, 3])).unwrap());
    let both = [events([3]), vec![other.clone()]].concat();
    assert!(log.differs(&both).unwrap());
    let twice = [events([4]), events([4])].concat();
    assert!(!log.differs(&twice).unwrap());
    assert_eq!(log.append(&both, "one").unwrap(), 2);
    for _ in 0..2 {
        assert_eq!(log.append(&both, "two").unwrap(), 0);
        assert_eq!(after(&mut log, None), [1, 2, 3, 1]);
        assert_eq!(
            log.get(id(1).parse().unwrap()).unwrap().as_ref(),
            Some(&other)
        );
        for place in [id(1), format!("{}.one", id(1))] {
            assert_eq!(after(&mut log, Some(&place)), [2, 3, 1], "{place}");
        }
        drop(log);
        log = EventLog::open(&path).unwrap();
    }
}
