//! Guests who become users, on a store without a gateway.

use crate::support::verify;
use icecore::{ErrorKind, Order, Place, Replica};
use icecore_example_steps::account::Owner;
use icecore_example_steps::{Device, Message, Steps};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn ada() -> Owner {
    Owner {
        space: "ada".to_owned(),
        token: None,
    }
}

fn store(folder: &TempDir) -> String {
    folder.path().join("store").display().to_string()
}

/// A second device of the same guest: the account is all that it needs.
async fn copied(from: &Path, to: PathBuf) -> Device {
    std::fs::create_dir(&to).unwrap();
    std::fs::copy(from.join("account.json"), to.join("account.json")).unwrap();
    Device::open(&to).await.unwrap()
}

async fn replica(folder: &TempDir, space: &str) -> Replica<Steps> {
    let place = Place::new(store(folder));
    Replica::create(Steps, &place, space, Order::Timestamp)
        .await
        .unwrap()
}

/// A guest who signed in lost what was there, or the app had to copy it, twice where the network was bad
/// (FirebaseUI-Android#123, #1171; firebaseui-web#583; jazz#612). Here the guest's history joins the user's under the same
/// author and seq: however often it is linked, by however many devices at once, and with what a watch still holds that was
/// offline for all of it.
#[tokio::test]
async fn row_14_a_guest_becomes_a_user_and_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // The user has steps of last year.
    let old = replica(&folder, "ada").await;
    let session = "last-year".parse().unwrap();
    old.update(Message::AddSteps { session, count: 1 })
        .await
        .unwrap();
    old.sync().await.unwrap();

    let mut phone = Device::guest(&store(&folder), &path("phone"))
        .await
        .unwrap();
    let guest = phone.owner().space.clone();
    phone.add(10, None).await.unwrap();
    phone.sync().await.unwrap();
    let mut tablet = copied(&path("phone"), path("tablet")).await;
    let mut watch = copied(&path("phone"), path("watch")).await;
    tablet.add(100, None).await.unwrap();
    watch.add(1_000, None).await.unwrap();
    phone.add(10_000, None).await.unwrap();

    // Raced, then repeated. The tablet's queue goes with it; the watch is away.
    let (one, other) = tokio::join!(phone.link(ada()), tablet.link(ada()));
    assert!(one.unwrap().complete && other.unwrap().complete);
    for device in [&mut phone, &mut tablet] {
        let again = device.link(ada()).await.unwrap();
        assert_eq!((again.updates, again.complete), (0, true));
        device.sync().await.unwrap();
        assert_eq!(device.state().steps(), 10_111);
        assert_eq!(device.owner().space, "ada");
    }
    // The watch comes back, knows nothing of the user, and sends its queue where it always did.
    watch.sync().await.unwrap();
    assert_eq!(watch.owner().space, guest);
    assert_eq!(watch.link(ada()).await.unwrap().updates, 1);
    phone.add(100_000, None).await.unwrap();
    phone.sync().await.unwrap();
    watch.sync().await.unwrap();
    assert_eq!(watch.state().steps(), 111_111);

    let ids = |history: Vec<icecore::Recorded<Message>>| -> Vec<_> {
        history.iter().map(|r| r.id).collect()
    };
    let guests = replica(&folder, &guest).await;
    let users = replica(&folder, "ada").await;
    let of_guest = ids(guests.history().await.unwrap());
    let of_user = ids(users.history().await.unwrap());
    let distinct: BTreeSet<_> = of_user.iter().collect();
    assert_eq!(distinct.len(), of_user.len());
    assert!(of_guest.iter().all(|id| distinct.contains(id)));
    verify(&guests).await;
    verify(&users).await;
}

#[tokio::test]
async fn a_guest_becomes_one_user_and_a_device_writes_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("phone");
    let nobody = Device::open(&path).await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
    assert!(nobody.hint().unwrap().contains("steps guest"));
    let mut phone = Device::guest(&store(&folder), &path).await.unwrap();
    let again = Device::guest(&store(&folder), &path).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
    phone.link(ada()).await.unwrap();
    let bob = Owner {
        space: "bob".to_owned(),
        token: None,
    };
    let other = phone.link(bob).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Conflict);
    assert!(other.to_string().contains("ada"), "{other}");
    // A device that knows only the guest is told by the store.
    let mut late = copied(&path, folder.path().join("late")).await;
    assert_eq!(late.owner().space, "ada");
    late.add(5, None).await.unwrap();
    late.sync().await.unwrap();
    phone.sync().await.unwrap();
    assert_eq!(phone.state().steps(), 5);
    verify(phone.replica()).await;
}

#[tokio::test]
async fn a_device_has_one_session_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("phone");
    let mut phone = Device::guest(&store(&folder), &path).await.unwrap();
    assert_eq!(phone.end().await.unwrap_err().kind(), ErrorKind::Invalid);
    phone.add(1, None).await.unwrap();
    // The session stays open over a restart.
    let mut phone = Device::open(&path).await.unwrap();
    phone.add(2, None).await.unwrap();
    assert_eq!(phone.state().sessions.len(), 1);
    phone.start("watch").await.unwrap();
    phone.add(4, None).await.unwrap();
    phone.end().await.unwrap();
    let state = phone.state();
    let steps: Vec<u64> = state
        .sessions
        .values()
        .map(|session| session.steps)
        .collect();
    assert_eq!(steps, [3, 4]);
    assert!(
        state
            .sessions
            .values()
            .all(|session| session.ended.is_some())
    );
    phone.sync().await.unwrap();
    verify(phone.replica()).await;
}
