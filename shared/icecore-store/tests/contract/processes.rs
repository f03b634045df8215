//! A folder that several processes write to at once: this test starts itself as the other processes.

use crate::support::env;
use icecore_store::backend::{Folder, is_already_exists};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use std::process::{Child, Command, Stdio};

const PROCESSES: usize = 4;
const KEYS: usize = 100;
const INCREMENTS: usize = 50;

/// Names the folder in the started processes.
const FOLDER: &str = "ICECORE_TEST_FOLDER_OF_WRITER";

#[tokio::test]
async fn one_winner_and_no_lost_update_among_processes() {
    if let Some(folder) = env(FOLDER) {
        return write(&Folder::new(folder)).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::new(directory.path());
    folder
        .put(&Path::from("counter"), "0".into())
        .await
        .unwrap();
    let children: Vec<_> = (0..PROCESSES).map(|_| start(directory.path())).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let counter = folder
        .get(&Path::from("counter"))
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(
        counter,
        (PROCESSES * INCREMENTS).to_string(),
        "an update was lost"
    );
    let mut won = 0;
    for name in std::fs::read_dir(directory.path().join("won")).unwrap() {
        won += std::fs::read_to_string(name.unwrap().path())
            .unwrap()
            .parse::<usize>()
            .unwrap();
    }
    assert_eq!(won, KEYS, "each key has one winner");
}

fn start(folder: &std::path::Path) -> Child {
    let name = "processes::one_winner_and_no_lost_update_among_processes";
    let this_test = std::env::current_exe().unwrap();
    Command::new(this_test)
        .args([name, "--exact"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

async fn write(folder: &Folder) {
    let mut won = 0;
    for n in 0..KEYS {
        let key = Path::from(format!("keys/{n:03}"));
        match folder
            .put_opts(&key, "x".into(), PutMode::Create.into())
            .await
        {
            Ok(_) => won += 1,
            Err(error) => assert!(is_already_exists(&error), "{error:?}"),
        }
        if n % (KEYS / INCREMENTS) == 0 {
            increment(folder).await;
        }
    }
    let result = Path::from(format!("won/{}", std::process::id()));
    folder.put(&result, won.to_string().into()).await.unwrap();
}

async fn increment(folder: &Folder) {
    let counter = Path::from("counter");
    loop {
        let got = folder.get(&counter).await.unwrap();
        let version = UpdateVersion {
            e_tag: got.meta.e_tag.clone(),
            version: None,
        };
        let text = String::from_utf8(got.bytes().await.unwrap().to_vec()).unwrap();
        let next = (text.parse::<usize>().unwrap() + 1).to_string();
        match folder
            .put_opts(&counter, next.into(), PutMode::Update(version).into())
            .await
        {
            Ok(_) => return,
            Err(Error::Precondition { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}
