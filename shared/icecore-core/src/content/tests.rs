use super::*;
use crate::fold::Folded;
use crate::ids::{Author, Epoch, Key, Seq};
use crate::model::log::Log;
use crate::space::{FORMAT_VERSION, ModelRef, Order};
use icecore_seal::{Identity, Keyring, NewHolder};
use std::collections::BTreeMap;

fn info(space: &str) -> SpaceInfo {
    let (store, space) = (StoreId::from_parts(1, 2), space.parse().unwrap());
    let member = NewHolder::Member {
        name: "ada".to_owned(),
        public: Identity::generate(&mut || [3; 32]).public(),
    };
    let context = keyring_context(&store, &space);
    let at = "2026-11-21T12:00:00.000Z";
    let (keyring, _) = Keyring::create(&context, vec![member], at, &mut || [9; 32]).unwrap();
    SpaceInfo {
        v: FORMAT_VERSION,
        store,
        space,
        epoch: Epoch::MIN,
        model: ModelRef::named("log"),
        order: Order::Timestamp,
        created_at: at.to_owned(),
        old_epochs: Vec::new(),
        linked: None,
        keyring: Some(keyring),
        erased_at: None,
        needs: crate::space::Needs::default(),
        other: BTreeMap::new(),
    }
}

fn content(info: &SpaceInfo) -> Content {
    let secret = icecore_seal::Secret::Identity(Identity::generate(&mut || [3; 32]));
    let context = keyring_context(&info.store, &info.space);
    let keys = info
        .keyring
        .as_ref()
        .unwrap()
        .open(&context, &secret)
        .unwrap();
    let seal = Seal::Open(Arc::new(SpaceSeal::new(info, keys)));
    Content::new(Arc::new(Log), seal)
}

fn id(author: u64, seq: u64) -> UpdateId {
    UpdateId {
        author: Author::from_parts(author, 0),
        seq: Seq::new(seq).unwrap(),
    }
}

fn update() -> Update {
    let data = RawValue::from_string(r#"{"secret":"melon"}"#.to_owned()).unwrap();
    Update::new(0, "add", &data, None).unwrap()
}

#[test]
fn an_update_opens_at_its_own_place_only() {
    let content = content(&info("one"));
    let sealed = content
        .seal_update(id(1, 1), &update(), [5; 16])
        .unwrap()
        .unwrap();
    assert!(!sealed.as_text().contains("melon"));
    assert_eq!(
        content.open(id(1, 1), &sealed).unwrap().into_owned(),
        update()
    );
    for other in [id(1, 2), id(2, 1)] {
        assert_eq!(content.open(other, &sealed), Err(Unopened::Refused));
    }
    let elsewhere = self::content(&info("two"));
    assert_eq!(elsewhere.open(id(1, 1), &sealed), Err(Unopened::Refused));
}

#[test]
fn what_cannot_be_opened_is_listed_and_stops_nothing() {
    let info = info("one");
    let content = content(&info);
    let mut folded = Folded::initial(content.clone());
    let key = Key::new(7).unwrap();
    let sealed = content
        .seal_update(id(1, 1), &update(), [5; 16])
        .unwrap()
        .unwrap();
    let future = sealed.as_text().replace("\"key\":1", "\"key\":9");
    let future = Update::from_stored(future).unwrap();
    // Clear text of somebody without a key, a moved one, and one of a key that is not there yet.
    assert!(!folded.apply(id(2, 1), key, &update()));
    assert!(!folded.apply(id(2, 2), key, &sealed));
    assert!(!folded.apply(id(2, 3), key, &future));
    assert!(folded.apply(id(1, 1), key, &sealed));
    assert!(folded.apply_opened(id(3, 1), key, &update()));
    assert_eq!(
        (
            folded.rejected.count,
            folded.unknown_key.map(KeyNumber::get)
        ),
        (3, Some(9))
    );
    let state = String::from_utf8(folded.state_json().unwrap()).unwrap();
    assert_eq!(state.matches("melon").count(), 2);
}

/// What could never be sent must not get into a queue.
#[test]
fn what_fits_only_in_clear_is_refused() {
    let of = |bytes: usize| {
        let text = format!("\"{}\"", "x".repeat(bytes));
        let data = RawValue::from_string(text).unwrap();
        Update::new(0, "add", &data, None).unwrap()
    };
    let content = content(&info("one"));
    let most = UPDATE_BYTES_MAX / 4 * 3 - 300;
    assert!(
        content
            .seal_update(id(1, 1), &of(most), [5; 16])
            .unwrap()
            .is_some()
    );
    let error = content
        .seal_update(id(1, 1), &of(most + 300), [5; 16])
        .unwrap_err();
    assert!(error.to_string().contains("when it is sealed"), "{error}");
}

#[test]
fn who_has_no_key_folds_nothing_and_is_told() {
    let sealed = content(&info("one"))
        .seal_update(id(1, 1), &update(), [5; 16])
        .unwrap();
    let mut folded = Folded::initial(Content::locked());
    assert!(!folded.apply(id(1, 1), Key::MIN, &sealed.unwrap()));
    assert_eq!(folded.rejected.count, 0);
    let error = folded.check_readable().unwrap_err();
    assert!(error.hint().unwrap().contains("ICECORE_PASSPHRASE"));
    assert!(
        Content::locked()
            .seal_update(id(1, 1), &update(), [0; 16])
            .is_err()
    );
}

#[test]
fn keys_of_an_older_keyring_do_not_fit() {
    let mut info = info("one");
    let content = content(&info);
    assert!(
        content.fits(&info)
            && !Content::locked().fits(&SpaceInfo {
                keyring: None,
                ..info.clone()
            })
    );
    let Seal::Open(seal) = content.seal() else {
        panic!("open");
    };
    let context = keyring_context(&info.store, &info.space);
    let keyring = info.keyring.take().unwrap();
    let mut random = || [4; 32];
    let change = keyring.change(
        &context,
        seal.keys(),
        "2026-11-22T12:00:00.000Z",
        &mut random,
    );
    info.keyring = Some(change.unwrap().rotate().unwrap().0);
    assert!(!content.fits(&info));
}
