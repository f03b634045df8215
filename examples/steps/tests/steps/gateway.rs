//! Guests at a gateway.

use crate::home::Home;
use crate::support::{holding, verify};
use icecore::system::SystemClock;
use icecore::{ErrorKind, Place, Replica};
use icecore_example_steps::account::Owner;
use icecore_example_steps::gateway::Gateway as Client;
use icecore_example_steps::{Device, Message, Sport, Steps};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The story of row 14, with tokens and over HTTP: see `guests.rs` for the same without a gateway.
#[tokio::test]
async fn row_14_a_guest_at_a_gateway_becomes_a_user_and_keeps_everything_once() {
    let home = Home::open().await;
    let mut phone = home.guest("phone").await;
    let guest = phone.owner().clone();
    phone.add(10, None).await.unwrap();
    phone.activity((Sport::Run, 30), None).await.unwrap();
    let mut tablet = home.copied("phone", "tablet").await;
    let mut watch = home.copied("phone", "watch").await;
    tablet.add(100, None).await.unwrap();
    watch.add(1_000, None).await.unwrap();

    let user = home.user("ada");
    let client = Client::at(&home.url).unwrap();
    let raced = tokio::join!(
        phone.link(user.clone()),
        tablet.link(user.clone()),
        client.link(&guest, &user),
        client.link(&guest, &user),
    );
    assert!(raced.0.unwrap().complete && raced.1.unwrap().complete);
    for answer in [raced.2, raced.3] {
        assert!(answer.unwrap().complete);
    }
    for device in [&mut phone, &mut tablet] {
        assert_eq!(device.link(user.clone()).await.unwrap().updates, 0);
        device.sync().await.unwrap();
        assert_eq!(device.state().steps(), 110);
    }
    // The watch was offline for all of it. The roll-up of the guest's space passes on what it sends there.
    watch.sync().await.unwrap();
    home.roll_up(&guest.space).await;
    phone.sync().await.unwrap();
    assert_eq!(phone.state().steps(), 1_110);
    assert_eq!(watch.link(user).await.unwrap().updates, 0);
    let updates = phone.replica().history().await.unwrap().len();
    // One session that all three have, and what each did in it.
    assert_eq!(updates, 1 + 2 + 1 + 1);
    verify(phone.replica()).await;
}

#[tokio::test]
async fn a_guest_is_linked_by_its_own_token_and_to_one_user() {
    let home = Home::open().await;
    let mut phone = home.guest("phone").await;
    let mut other = home.guest("other").await;
    phone.add(10, None).await.unwrap();
    other.add(7, None).await.unwrap();
    // The user's token is needed, and one that is good for the space.
    for token in [None, other.owner().token.clone()] {
        let into = Owner {
            space: "ada".to_owned(),
            token,
        };
        let error = phone.link(into).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.hint().is_some());
    }
    // Nobody takes over a guest by its name.
    let stolen = Owner {
        token: other.owner().token.clone(),
        ..phone.owner().clone()
    };
    let client = Client::at(&home.url).unwrap();
    let error = client.link(&stolen, &home.user("eve")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    // After all that the device goes on as the guest, and linking still works.
    phone.sync().await.unwrap();
    phone.link(home.user("ada")).await.unwrap();
    let error = client
        .link(&home.guest_of("phone"), &home.user("bob"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(phone.state().steps(), 10);
    verify(phone.replica()).await;
}

#[tokio::test]
async fn the_token_is_for_its_owner_alone() {
    let home = Home::open().await;
    let phone = home.guest("phone").await;
    let token = phone.owner().token.clone().unwrap();
    assert!(!format!("{phone:?}").contains(token.secret()));
    let file = home.path("phone/account.json");
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains(token.secret())
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Nor is it sent where anybody could listen, or to what is no gateway.
    for (store, kind) in [
        ("http://example.com", ErrorKind::Invalid),
        ("http://127.0.0.1:9", ErrorKind::Unavailable),
        ("ftp://example.com", ErrorKind::Invalid),
    ] {
        let error = Device::guest(store, &home.path("elsewhere"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.hint().is_some());
        assert!(!home.path("elsewhere").exists());
    }
}

/// The story of row 15, with tokens and over HTTP: see `erased.rs` for the same without a gateway.
#[tokio::test]
async fn row_15_an_account_erased_at_a_gateway_leaves_no_byte_and_takes_none() {
    const NAME: &str = "Hopper of Row Fifteen";
    let home = Home::open().await;
    let mut phone = home.guest("phone").await;
    let guest = phone.owner().space.clone();
    phone
        .set(Message::SetName {
            name: NAME.to_owned(),
        })
        .await
        .unwrap();
    phone.add(10, None).await.unwrap();
    phone.sync().await.unwrap();
    home.roll_up(&guest).await;
    phone.link(home.user("ada")).await.unwrap();
    home.roll_up("ada").await;
    let mut tablet = home.copied("phone", "tablet").await;
    tablet.sync().await.unwrap();
    verify(tablet.replica()).await;
    assert!(holding(&home.path("store"), NAME).len() > 3);

    phone.forget().await.unwrap();
    for place in ["store", "phone"] {
        assert_eq!(holding(&home.path(place), NAME), [] as [PathBuf; 0]);
    }
    tablet.add(5, None).await.unwrap();
    let gone = tablet.sync().await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
    assert!(gone.to_string().contains("was erased"), "{gone}");
    tablet.forget().await.unwrap();
    assert_eq!(holding(&home.path("tablet"), NAME), [] as [PathBuf; 0]);
}

/// A key comes from the gateway's clock, whatever the phone's says: what it claims to have set next year counts as set
/// when it arrived.
#[tokio::test]
async fn a_phone_a_year_ahead_does_not_hold_the_name_at_a_gateway() {
    const YEAR: i64 = 365 * 24 * 60 * 60 * 1_000;
    let home = Home::open().await;
    let good = home.guest("good").await;
    let token = good.owner().token.as_ref().unwrap().secret().to_owned();
    let place = Place::new(&home.url)
        .with_replica(home.path("bad"))
        .with_environment(BTreeMap::from([("ICECORE_TOKEN".to_owned(), token)]))
        .with_clock(Arc::new(SystemClock::wrong_by(YEAR)));
    let bad = Replica::open(Steps, &place, &good.owner().space)
        .await
        .unwrap();
    let name = |name: &str| Message::SetName {
        name: name.to_owned(),
    };
    bad.update(name("of next year")).await.unwrap();
    bad.sync().await.unwrap();
    good.sync().await.unwrap();
    assert_eq!(good.state().name.get().unwrap(), "of next year");
    good.set(name("of today")).await.unwrap();
    good.sync().await.unwrap();
    bad.sync().await.unwrap();
    for state in [good.state(), bad.state()] {
        assert_eq!(state.name.get().unwrap(), "of today");
    }
    verify(good.replica()).await;
}
