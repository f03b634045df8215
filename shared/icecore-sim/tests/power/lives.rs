//! What the processes do, and what they say on the way: a user believes each line.

use async_trait::async_trait;
use icecore_core::{Error, ModelRef, Order, Result, SpaceName, Update};
use icecore_replica::{NewUpdate, Replica, SpaceReplica};
use icecore_sim::random::Random;
use icecore_store::backend::{self, Folder, is_already_exists};
use icecore_store::epochs::compress;
use icecore_store::prune::prune;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Clock, Store};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use serde_json::value::RawValue;
use std::fmt::Debug;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Names the life in the started process.
pub(crate) const LIFE: &str = "POWER_LIFE";

/// In a started process, lives the life that it is asked for; `false` in the test itself.
pub(crate) fn lived() -> bool {
    let Some(life) = std::env::var_os(LIFE) else {
        return false;
    };
    let root = std::env::var_os("POWER_ROOT").unwrap();
    let (life, root) = (life.into_string().unwrap(), Path::new(&root));
    let (name, number) = life.split_once('-').unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        match name {
            "queue" => queue(root, number),
            "create" => create(root).await,
            "replace" => replace(root).await,
            "way" => make_way(root).await,
            "version" => delete_version(root).await,
            "sync" => sync(root, number).await,
            "resume" => resume(root).await,
            "history" => history(root, number).await,
            _ => panic!("no life of the name {name}"),
        }
    });
    true
}

/// As `print` does, past the test harness, in one write.
fn say(line: &str) {
    let line = format!("said {line}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// Queues updates on a device that is offline, one by one and several at once.
fn queue(root: &Path, number: &str) {
    let store = open(root);
    for (n, size) in [1, 1, 3, 1].into_iter().enumerate() {
        let mut replica = replica(&store, root, "a");
        let items: Vec<_> = (0..size).map(|m| format!("{number}.{n}.{m}")).collect();
        enqueue(&mut replica, "a", &items);
    }
}

/// Puts new objects, and says of which it may believe that they are stored.
async fn create(root: &Path) {
    let folder = Folder::new(root.join("store"));
    if let Err(error) = folder.create().await {
        return say(&format!("failed {error}"));
    }
    for key in ["a/1", "a/2", "b/c/1"] {
        // The same body each time: whoever finds it there takes it for their own.
        let (path, mode) = (Key::from(key), PutMode::Create.into());
        match folder.put_opts(&path, body(key).into(), mode).await {
            Err(error) if !is_already_exists(&error) => say(&format!("failed {error}")),
            Ok(_) | Err(_) => say(&format!("stored {key}")),
        }
    }
}

/// Replaces an object again and again, and deletes one.
async fn replace(root: &Path) {
    let folder = Folder::new(root.join("store"));
    folder.create().await.unwrap();
    for (number, key) in ["head", "head", "gone"].into_iter().enumerate() {
        let key = Key::from(key);
        folder.put(&key, format!("{number}").into()).await.unwrap();
        let e_tag = folder.head(&key).await.unwrap().e_tag;
        let mode = PutMode::Update(UpdateVersion {
            e_tag,
            version: None,
        });
        let text = format!("{number}, once more");
        folder
            .put_opts(&key, text.clone().into(), mode.into())
            .await
            .unwrap();
        say(&format!("is {key} {text}"));
    }
    say("leaves gone");
    folder.delete(&Key::from("gone")).await.unwrap();
    say("gone gone");
}

/// Puts an object in the place of the directories that deleted ones left, and others below its name when it is gone.
async fn make_way(root: &Path) {
    let folder = Folder::new(root.join("store"));
    folder.create().await.unwrap();
    let keys = ["x/y/1", "x", "x/y/2", "x"];
    for (number, key) in keys.into_iter().enumerate() {
        if number > 0 {
            let before = keys[number - 1];
            say(&format!("leaves {before}"));
            folder.delete(&Key::from(before)).await.unwrap();
            say(&format!("gone {before}"));
        }
        say(&format!("comes {key}"));
        let mode = PutMode::Create.into();
        let path = Key::from(key);
        let put = folder.put_opts(&path, body(key).into(), mode);
        put.await.unwrap();
        say(&format!("stored {key}"));
    }
}

/// Deletes an object on the condition that it is still the one that was read.
async fn delete_version(root: &Path) {
    let folder = Folder::new(root.join("store"));
    folder.create().await.unwrap();
    let key = Key::from("head");
    let first = folder.put(&key, "0".into()).await.unwrap().e_tag.unwrap();
    let second = folder.put(&key, "1".into()).await.unwrap().e_tag.unwrap();
    say("is head 1");
    folder.delete_version(&key, &first).await.unwrap_err();
    say("is head 1");
    say("leaves head");
    folder.delete_version(&key, &second).await.unwrap();
    say("gone head");
}

/// The body of an object, long enough to be torn.
pub(crate) fn body(key: &str) -> String {
    format!("{key};").repeat(400)
}

/// Writes on two devices and reads on the other; now and then everything is acknowledged.
async fn sync(root: &Path, number: &str) {
    let store = open(root);
    make(&store, root).await;
    let (mut a, mut b) = (replica(&store, root, "a"), replica(&store, root, "b"));
    for n in 0..3 {
        enqueue(&mut a, "a", &[format!("{number}.a{n}")]);
        synced(&mut a, "a").await;
        enqueue(
            &mut b,
            "b",
            &[format!("{number}.b{n}"), format!("{number}.b{n}+")],
        );
        synced(&mut b, "b").await;
    }
}

/// Somebody starts the app again, and writes nothing.
async fn resume(root: &Path) {
    let store = open(root);
    for name in ["a", "b"] {
        synced(&mut replica(&store, root, name), name).await;
    }
}

/// The same, with roll-ups, pruning and a new epoch beside it.
async fn history(root: &Path, number: &str) {
    let store = open(root);
    make(&store, root).await;
    let mut a = replica(&store, root, "a");
    let now = RollupOptions {
        full: true,
        now: true,
        time_max: None,
    };
    for n in 0..3 {
        enqueue(&mut a, "a", &[format!("{number}.{n}")]);
        synced(&mut a, "a").await;
        drop(roll_up(&store, &space(), &now).await.unwrap());
        if n == 1 {
            enqueue(&mut a, "a", &[format!("{number}.{n}, between")]);
            compress(&store, &space()).await.unwrap();
            synced(&mut a, "a").await;
        }
        prune(&store, &space(), Some(Duration::ZERO)).await.unwrap();
    }
    synced(&mut a, "a").await;
}

fn enqueue(replica: &mut SpaceReplica, name: &str, items: &[String]) {
    let updates: Vec<_> = items.iter().map(|item| note(item)).collect();
    replica.enqueue(&updates).unwrap();
    for item in items {
        say(&format!("queued {name} {item}"));
    }
}

/// After a sync a user looks at `status`: nothing waits, so everything is stored.
async fn synced(replica: &mut SpaceReplica, name: &str) {
    match replica.sync().await {
        Ok(_) => {}
        // What failed is told, and tried again.
        Err(error) => say(&format!("failed {error}")),
    }
    if replica.pending(1).unwrap().is_empty() {
        say(&format!("empty {name}"));
    }
}

pub(crate) fn space() -> SpaceName {
    "plan".parse().unwrap()
}

/// The store in a folder, which need not be there.
#[expect(clippy::disallowed_methods, reason = "this makes the injected clock")]
pub(crate) fn open(root: &Path) -> Store {
    let path = root.join("store").display().to_string();
    let clock: Arc<dyn Clock> = Arc::new(Now(Instant::now()));
    let backend = backend::open(&path, std::iter::empty(), Arc::clone(&clock)).unwrap();
    let seed = u64::from(std::process::id()) << 32;
    let time = u64::try_from(clock.now()).unwrap();
    Store::new(&backend, clock, Arc::new(Random::new(seed ^ time)))
}

pub(crate) fn replica(store: &Store, root: &Path, name: &str) -> SpaceReplica {
    // Two new folders at once, as the default one.
    let folder = root.join("replicas").join(name);
    let replica = Replica::open(store.clone(), &folder).unwrap();
    replica.space(&space()).unwrap()
}

async fn make(store: &Store, root: &Path) {
    Folder::new(root.join("store")).create().await.unwrap();
    store.create().await.unwrap();
    let made = store
        .create_space(&space(), ModelRef::named("log"), Order::Timestamp)
        .await;
    // A process before this one made it.
    assert!(
        made.as_ref().err().is_none_or(Error::is_conflict),
        "{made:?}"
    );
}

pub(crate) fn note(text: &str) -> NewUpdate {
    let data = RawValue::from_string(serde_json::to_string(text).unwrap()).unwrap();
    let update: Result<Update> = Update::new(icecore_sim::clock::EPOCH_MILLIS, "note", &data, None);
    NewUpdate {
        update: update.unwrap(),
    }
}

/// The clock of this machine: these processes live in files, and their times are its.
#[derive(Debug)]
struct Now(Instant);

#[async_trait]
impl Clock for Now {
    #[expect(clippy::disallowed_methods, reason = "this is the injected clock")]
    fn now(&self) -> i64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        i64::try_from(now.unwrap().as_millis()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the injected clock")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
