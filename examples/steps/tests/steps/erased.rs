//! Accounts that were erased.

use crate::support::{holding, verify};
use icecore::{ErrorKind, Place, Replica};
use icecore_example_steps::account::Owner;
use icecore_example_steps::{Device, Message, Sport, Steps};
use std::path::Path;

const NAME: &str = "Lovelace of Row Fifteen";

/// What is left in a folder.
fn objects(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let below = objects(&path).into_iter();
            found.extend(below.map(|object| format!("{name}/{object}")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

/// Deleted accounts stayed readable elsewhere: in old revisions, as documents with a mark, in what devices keep
/// (pouchdb#802; couchdb#1378; Evolu only marks). Here everything of the guest and of the user goes, in the store and on the
/// device, packed or not; who writes to the account again is told that it is gone, and stores nothing.
#[tokio::test]
async fn row_15_an_erased_account_leaves_no_byte_and_takes_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = path("store").display().to_string();
    let mut phone = Device::guest(&store, &path("phone")).await.unwrap();
    let guest = phone.owner().space.clone();
    let name = Message::SetName {
        name: NAME.to_owned(),
    };
    let session = phone.start(NAME).await.unwrap();
    phone.set(name.clone()).await.unwrap();
    phone.activity((Sport::Swim, 30), None).await.unwrap();
    phone.sync().await.unwrap();
    // Pressed into a segment and a snapshot, in both spaces.
    phone.replica().roll_up().await.unwrap();
    let ada = Owner {
        space: "ada".to_owned(),
        token: None,
    };
    phone.link(ada).await.unwrap();
    phone.add(10, None).await.unwrap();
    phone.sync().await.unwrap();
    phone.replica().roll_up().await.unwrap();
    verify(phone.replica()).await;
    // Another device of the account, with something that it has not sent.
    std::fs::create_dir(path("tablet")).unwrap();
    std::fs::copy(path("phone/account.json"), path("tablet/account.json")).unwrap();
    let mut tablet = Device::open(&path("tablet")).await.unwrap();
    tablet.sync().await.unwrap();
    tablet.set(name).await.unwrap();
    for text in [NAME, session.as_str()] {
        assert!(holding(&path("store"), text).len() > 3);
        assert!(!holding(&path("phone"), text).is_empty());
    }

    phone.forget().await.unwrap();
    for text in [NAME, session.as_str()] {
        assert_eq!(holding(&path("store"), text), [] as [std::path::PathBuf; 0]);
        assert_eq!(holding(&path("phone"), text), [] as [std::path::PathBuf; 0]);
    }
    // What is left says that there were two spaces, and are none.
    let left = [
        ".icecore-lock".to_owned(),
        "spaces/ada/space.json".to_owned(),
        format!("spaces/{guest}/space.json"),
        "store.json".to_owned(),
    ];
    assert_eq!(objects(&path("store")), left);

    let gone = Device::open(&path("phone")).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert!(gone.to_string().contains("was erased"), "{gone}");
    for _ in 0..2 {
        tablet.add(5, None).await.unwrap();
        let gone = tablet.sync().await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
        assert!(gone.to_string().contains("was erased"), "{gone}");
        assert!(gone.hint().is_some());
    }
    writing_is_refused(&store, &guest).await;
    assert_eq!(objects(&path("store")), left);

    // The tablet forgets too, and that can be repeated by whoever has the account.
    tablet.forget().await.unwrap();
    assert_eq!(
        holding(&path("tablet"), NAME),
        [] as [std::path::PathBuf; 0]
    );
    // The person may begin anew, as somebody else.
    let again = Device::guest(&store, &path("phone")).await.unwrap();
    assert_ne!(again.owner().space, guest);
    assert_eq!(again.state().steps(), 0);
}

/// Somebody who still knows the name of the space.
async fn writing_is_refused(store: &str, space: &str) {
    let stranger = Replica::open(Steps, &Place::new(store), space)
        .await
        .unwrap();
    stranger
        .update(Message::SetGoal { steps: 1 })
        .await
        .unwrap();
    let gone = stranger.sync().await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
}
