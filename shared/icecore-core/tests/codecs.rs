//! The codecs: what was written is read back, and nothing that is read makes them panic.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "codecs/mutations.rs"]
mod mutations;
#[path = "codecs/strategies.rs"]
mod strategies;

use icecore_core::snapshot::SnapshotHeader;
use icecore_core::{
    Covered, Digest, Entry, Error, ErrorKind, Head, ObjectKey, Result, Segment, Snapshot,
    SpaceInfo, StoreInfo, Update, UpdateObject,
};
use mutations::{body, gunzip, gzip, mutated, mutation, sealed};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use std::io::Write;
use strategies::{
    Lines, covered, head, object_key, segment, snapshot, space_info, store_info, update,
    update_object,
};

fn packed(lines: &Lines) -> Vec<u8> {
    Segment::pack(&lines.header, lines.base_state.as_deref(), &lines.entries)
        .unwrap()
        .bytes
}

fn packed_snapshot(header: &SnapshotHeader, state: &Value) -> Vec<u8> {
    let write = |out: &mut dyn Write| {
        out.write_all(state.to_string().as_bytes()).unwrap();
        Ok(())
    };
    Snapshot::pack(header, write).unwrap().bytes
}

/// All that a reader can see of a segment.
fn parts(segment: Segment) -> (Lines, Digest) {
    let lines = Lines {
        header: segment.header,
        base_state: segment.base_state,
        entries: segment.entries,
    };
    (lines, segment.digest)
}

fn same(a: &Lines, b: &Lines) -> bool {
    (&a.header, &a.base_state, &a.entries) == (&b.header, &b.base_state, &b.entries)
}

/// Bytes from a bucket are at worst `Corrupt`, or of a format to come.
fn is_about_the_bytes(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Invalid)
}

/// Reads bytes as everything that there is, and uses what was read.
fn read_as_everything(bytes: &[u8]) {
    fn check<T>(read: Result<T>) -> Option<T> {
        read.map_err(|e| assert!(is_about_the_bytes(&e), "{e:?}"))
            .ok()
    }
    check(StoreInfo::from_json(bytes));
    check(SpaceInfo::from_json(bytes));
    check(Head::from_json(bytes));
    if let Some(object) = check(UpdateObject::from_json(bytes)) {
        assert_eq!(object.entries().count(), object.updates.len());
        assert!(object.end() > object.seq);
        let again = UpdateObject::from_json(&object.to_json()).unwrap();
        assert_eq!(again, object);
        use_entries(object.updates.iter());
    }
    if let Some(segment) = check(Segment::unpack(bytes)) {
        let (header, entries) = (&segment.header, &segment.entries);
        let ids: Covered = entries.iter().map(|e| e.id).collect();
        assert_eq!(
            (ids.len(), header.count),
            (header.count, entries.len() as u64)
        );
        assert_eq!(ids, header.covered);
        use_entries(entries.iter().map(|e: &Entry| &e.update));
    }
    if let Some(snapshot) = check(Snapshot::unpack(bytes)) {
        let header = serde_json::to_vec(&snapshot.header).unwrap();
        let again: SnapshotHeader = serde_json::from_slice(&header).unwrap();
        assert_eq!(again, snapshot.header);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(update) = Update::from_text(text.to_owned()) {
            assert!(update.parts().is_some() && !update.as_text().contains('\n'));
        }
        if let Ok(path) = text.parse::<ObjectKey>() {
            assert_eq!(path.to_string(), text);
        }
    }
    if let Ok(covered) = serde_json::from_slice::<Covered>(bytes) {
        assert_eq!(covered.is_empty(), covered.authors().len() == 0);
        assert!(covered.len() >= covered.authors().len() as u64);
    }
}

fn use_entries<'a>(updates: impl Iterator<Item = &'a Update>) {
    for update in updates {
        assert!(!update.as_text().contains('\n'));
        if let Some(parts) = update.parts() {
            assert!(update.as_text().contains(parts.data.get()));
        }
    }
}

/// JSON that looks like an object of the bucket.
fn nearly_an_object() -> impl Strategy<Value = String> {
    let member = "\"(v|seq|author|updates|segment|snapshot|covered|epoch|sha256)\":";
    let value = prop_oneof![
        "[01]|-1|1e9|1\\.0|99999999999999999999|null|true|\"[a-z]{0,4}\"|\\[[01]?\\]|\\{\\}",
        Just("\"00000000-0000-7000-8000-000000000000\"".to_owned()),
        Just("[{\"at\":\"x\",\"kind\":\"k\",\"data\":0}]".to_owned()),
    ];
    vec((member, value), 0..8).prop_map(|members| {
        let members: Vec<String> = members.into_iter().map(|(m, v)| m + &v).collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #[test]
    fn small_objects_come_back(store in store_info(), space in space_info(), head in head()) {
        prop_assert_eq!(StoreInfo::from_json(&store.to_json()).unwrap(), store);
        prop_assert_eq!(SpaceInfo::from_json(&space.to_json()).unwrap(), space);
        prop_assert_eq!(Head::from_json(&head.to_json()).unwrap(), head);
    }

    #[test]
    fn update_objects_come_back(object in update_object()) {
        let json = object.to_json();
        prop_assert!(!json.contains(&b'\n'));
        prop_assert_eq!(&UpdateObject::from_json(&json).unwrap(), &object);
        prop_assert!(object.updates.iter().all(|u| u.parts().is_some()));
        // Blanks around tokens mean nothing.
        let value: Value = serde_json::from_slice(&json).unwrap();
        let pretty = UpdateObject::from_json(format!(" {value:#}\n").as_bytes()).unwrap();
        prop_assert_eq!((pretty.author, pretty.seq), (object.author, object.seq));
        for (pretty, update) in pretty.updates.iter().zip(&object.updates) {
            let (pretty, update) = (pretty.parts().unwrap(), update.parts().unwrap());
            prop_assert_eq!((pretty.at, pretty.kind), (update.at, update.kind));
        }
    }

    #[test]
    fn paths_come_back(key in object_key()) {
        prop_assert_eq!(key.to_string().parse::<ObjectKey>().unwrap(), key);
    }

    #[test]
    fn covered_sets_come_back_and_have_one_form(covered in covered()) {
        let json = serde_json::to_string(&covered).unwrap();
        let read: Covered = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read, &covered);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }

    #[test]
    fn segments_come_back(lines in segment()) {
        let packed = packed(&lines);
        let (read, digest) = parts(Segment::unpack(&packed).unwrap());
        prop_assert!(same(&read, &lines), "{read:?}");
        // The same when the store, or the browser, has unpacked it on the way.
        let plain = gunzip(&packed);
        let (unpacked, plain_digest) = parts(Segment::unpack(&plain).unwrap());
        prop_assert!(same(&unpacked, &lines));
        prop_assert_eq!(digest, plain_digest);
        prop_assert_eq!(digest, Digest::of(body(&plain)));
        prop_assert_eq!(&sealed(body(&plain)), &plain);
        prop_assert_eq!(plain.split(|&b| b == b'\n').count(),
            3 + lines.entries.len() + usize::from(lines.base_state.is_some()));
    }

    #[test]
    fn snapshots_come_back((header, state) in snapshot()) {
        let packed = packed_snapshot(&header, &state);
        for stored in [gunzip(&packed), packed] {
            let read = Snapshot::unpack(&stored).unwrap();
            prop_assert_eq!(&read.header, &header);
            prop_assert_eq!(read.state_json().to_vec(), state.to_string().into_bytes());
        }
    }

    #[test]
    fn unknown_members_are_ignored(
        space in space_info(), object in update_object(), lines in segment(),
    ) {
        let with_more = |json: &[u8]| {
            [b"{\"later\":[{\"v\":9}],".as_slice(), &json[1..]].concat()
        };
        let read = SpaceInfo::from_json(&with_more(&space.to_json())).unwrap();
        prop_assert_eq!(read, space);
        let read = UpdateObject::from_json(&with_more(&object.to_json())).unwrap();
        prop_assert_eq!(read, object);
        let plain = gunzip(&packed(&lines));
        let read = Segment::unpack(&sealed(&with_more(body(&plain)))).unwrap();
        prop_assert!(same(&parts(read).0, &lines));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..300),
            nearly_an_object().prop_map(String::into_bytes),
            vec(any::<u8>(), 0..100).prop_map(|b| [[0x1f, 0x8b, 8, 0].as_slice(), &b].concat()),
        ],
        pack in any::<bool>(),
        seal in any::<bool>(),
    ) {
        let bytes = if seal { sealed(&[&bytes, b"\n".as_slice()].concat()) } else { bytes };
        let bytes = if pack { gzip(&bytes) } else { bytes };
        read_as_everything(&bytes);
    }

    #[test]
    fn mutated_update_objects_are_read_or_refused(
        object in update_object(), mutations in vec(mutation(), 1..4),
    ) {
        read_as_everything(&mutated(object.to_json(), &mutations));
    }

    #[test]
    fn mutated_small_objects_are_read_or_refused(
        store in store_info(), space in space_info(), head in head(),
        mutations in vec(mutation(), 1..3),
    ) {
        for json in [store.to_json(), space.to_json(), head.to_json()] {
            read_as_everything(&mutated(json, &mutations));
        }
    }

    #[test]
    fn a_mutated_segment_is_never_taken_for_another(
        lines in segment(), mutations in vec(mutation(), 1..4),
    ) {
        let packed = packed(&lines);
        let plain = gunzip(&packed);
        // gzip has bits that say nothing, such as the time of packing: with those the segment is the same.
        if let Ok(read) = Segment::unpack(&mutated(packed, &mutations)) {
            prop_assert!(same(&parts(read).0, &lines));
        }
        let changed = mutated(plain.clone(), &mutations);
        prop_assert!(changed == plain || Segment::unpack(&changed).is_err());
    }

    #[test]
    fn a_mutated_snapshot_is_never_taken_for_another(
        (header, state) in snapshot(), mutations in vec(mutation(), 1..4),
    ) {
        let packed = packed_snapshot(&header, &state);
        let plain = gunzip(&packed);
        if let Ok(read) = Snapshot::unpack(&mutated(packed, &mutations)) {
            prop_assert_eq!(&read.header, &header);
            prop_assert_eq!(read.state_json().to_vec(), state.to_string().into_bytes());
        }
        let changed = mutated(plain.clone(), &mutations);
        prop_assert!(changed == plain || Snapshot::unpack(&changed).is_err());
    }

    #[test]
    fn wrong_content_with_the_right_digest_is_read_or_refused(
        lines in segment(), (header, state) in snapshot(), mutations in vec(mutation(), 1..3),
    ) {
        for packed in [packed(&lines), packed_snapshot(&header, &state)] {
            let changed = mutated(body(&gunzip(&packed)).to_vec(), &mutations);
            read_as_everything(&sealed(&changed));
        }
    }

    #[test]
    fn an_update_is_kept_word_for_word(update in update()) {
        let again = Update::from_text(update.as_text().to_owned()).unwrap();
        prop_assert_eq!(again, update);
    }
}

#[test]
fn a_bomb_is_refused_and_costs_no_more_than_it_unpacks_to() {
    // Each is unpacked once; the limit itself is tested beside the code.
    let blanks = vec![b' '; 32 << 20];
    let bomb = gzip(&blanks);
    assert!(bomb.len() < blanks.len() / 100);
    assert!(Segment::unpack(&bomb).unwrap_err().is_corrupt());
    // The digest is right, and the header is blank.
    let bomb = gzip(&sealed(&[&blanks, b"\n".as_slice()].concat()));
    assert!(Segment::unpack(&bomb).unwrap_err().is_corrupt());
    assert!(Snapshot::unpack(&bomb).unwrap_err().is_corrupt());
}

#[test]
fn nesting_costs_no_stack() {
    let depth = 500_000;
    let deep = "[".repeat(depth) + &"]".repeat(depth);
    let author = "00000000-0000-7000-8000-000000000000";
    let update = format!("{{\"at\":\"\",\"kind\":\"k\",\"data\":{deep}}}");
    let json = format!("{{\"v\":1,\"author\":\"{author}\",\"seq\":1,\"updates\":[{update}]}}");
    // Within the size of an object it is read, and for the model to reject.
    let object = UpdateObject::from_json(json.as_bytes()).unwrap();
    assert_eq!(object.updates[0].parts().unwrap().data.get(), deep);
    for text in [
        format!("{{\"later\":{deep},\"v\":1}}"),
        format!("{{\"v\":1,\"model\":{{\"name\":\"log\",\"settings\":{deep}}}}}"),
        deep,
    ] {
        read_as_everything(text.as_bytes());
        read_as_everything(&sealed(format!("{text}\n{text}\n").as_bytes()));
    }
}
