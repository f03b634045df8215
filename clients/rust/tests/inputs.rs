//! An input store, as an app and as others see it.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use icecore::{ErrorKind, Inputs, News, Place, Stage};
use icecore_store::Store;
use icecore_store::backend;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
enum Reading {
    Litres(f64),
    Read { by: String },
}

/// What another version of the app adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
enum Newer {
    Litres(f64),
    Photo(Vec<u8>),
}

fn store() -> Store {
    use icecore::system::{OsIds, SystemClock};
    let clock = Arc::new(SystemClock::new());
    let opened = backend::open(
        "memory://",
        std::iter::empty(),
        Arc::<SystemClock>::clone(&clock),
    );
    Store::new(&opened.unwrap(), clock, Arc::new(OsIds))
}

#[tokio::test]
async fn inputs_stand_in_the_order_in_which_they_happened() {
    let store = store();
    let place = Place::on(store.clone());
    let ada = Inputs::create(&place, "water").await.unwrap();
    let bob = Inputs::<Reading>::create(&place, "water").await.unwrap();
    let by = "bob".to_owned();
    ada.append(3_000, &Reading::Litres(3.0)).await.unwrap();
    ada.append(1_000, &Reading::Litres(1.5)).await.unwrap();
    ada.replica().sync().await.unwrap();
    let mut news = ada.replica().changes();
    bob.append(2_000, &Reading::Read { by: by.clone() })
        .await
        .unwrap();
    bob.append(-1, &Reading::Litres(0.5)).await.unwrap();
    assert_eq!(bob.all().len(), 2, "its own are there before they are sent");
    bob.replica().sync().await.unwrap();
    ada.replica().sync().await.unwrap();
    let expected = [
        ("1969-12-31T23:59:59.999Z", Reading::Litres(0.5)),
        ("1970-01-01T00:00:01.000Z", Reading::Litres(1.5)),
        ("1970-01-01T00:00:02.000Z", Reading::Read { by }),
        ("1970-01-01T00:00:03.000Z", Reading::Litres(3.0)),
    ];
    for rolled_up in [false, true] {
        for device in [&ada, &bob] {
            device.replica().sync().await.unwrap();
            let all = device.all();
            let all: Vec<_> = all
                .iter()
                .map(|i| (i.at.as_str(), i.update.clone().unwrap()))
                .collect();
            assert_eq!(all, expected, "rolled up: {rolled_up}");
        }
        ada.replica().roll_up().await.unwrap();
    }
    // What arrives is told, and read like the rest.
    let Some(News::Change(change)) = news.try_next() else {
        panic!("nothing is told");
    };
    assert_eq!((change.own, change.stage), (false, Stage::Confirmed));
    assert!(matches!(
        change.update.unwrap().read(),
        Ok(Reading::Read { .. })
    ));

    // Who has only the built-in models folds the same bytes.
    let name = "water".parse().unwrap();
    let verified = icecore_store::verify::verify(&store, &name, &mut |_, _| {})
        .await
        .unwrap();
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
}

#[tokio::test]
async fn what_this_version_cannot_read_is_kept_for_one_that_can() {
    let place = Place::on(store());
    let old = Inputs::<Reading>::create(&place, "water").await.unwrap();
    let new = Inputs::<Newer>::create(&place, "water").await.unwrap();
    new.append(1, &Newer::Photo(vec![1, 2])).await.unwrap();
    new.append(2, &Newer::Litres(2.0)).await.unwrap();
    new.replica().sync().await.unwrap();
    old.replica().sync().await.unwrap();
    let all = old.all();
    let why = all[0].update.as_ref().unwrap_err().to_string();
    assert!(why.starts_with("photo: unknown variant `photo`"), "{why}");
    assert_eq!(all[1].update, Ok(Reading::Litres(2.0)));
    assert_eq!(new.all()[0].update, Ok(Newer::Photo(vec![1, 2])));
    assert!(old.replica().rejected().await.unwrap().is_empty());
}

/// What is read of every file below a folder.
fn bytes_below(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(bytes_below(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

#[tokio::test]
async fn an_encrypted_input_store_is_read_by_its_holders_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let place = Place::new(store.display().to_string());
    let holder = place.clone().with_passphrase("a long passphrase");
    let ada = Inputs::create_encrypted(&holder, "water").await.unwrap();
    let by = "a-name-that-is-easy-to-find".to_owned();
    let read = Reading::Read { by: by.clone() };
    ada.append(2_000, &read).await.unwrap();
    ada.append(1_000, &Reading::Litres(1.5)).await.unwrap();
    ada.replica().sync().await.unwrap();
    // Who knows the passphrase reads and adds, from updates and from a snapshot.
    for _ in 0..2 {
        let bob = Inputs::<Reading>::create_encrypted(&holder, "water")
            .await
            .unwrap();
        let all: Vec<_> = bob
            .all()
            .into_iter()
            .map(|input| input.update.unwrap())
            .collect();
        assert_eq!(all, [Reading::Litres(1.5), read.clone()]);
        ada.replica().roll_up().await.unwrap();
        ada.replica().sync().await.unwrap();
    }
    let bytes = bytes_below(&store);
    let is_in = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(is_in(b"water") && !is_in(by.as_bytes()));
    // Without it nothing is read, and none of this name is made that is not encrypted.
    let eve = Inputs::<Reading>::open(&place, "water").await.unwrap();
    assert_eq!(
        eve.replica().sync().await.unwrap_err().kind(),
        ErrorKind::Denied
    );
    let clear = Inputs::<Reading>::create(&place, "water")
        .await
        .unwrap_err();
    assert_eq!(clear.kind(), ErrorKind::Conflict);
}
