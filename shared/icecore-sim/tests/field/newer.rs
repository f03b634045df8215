//! What a newer program wrote, as an older one meets it.

use crate::site::{HOUR, MINUTE, Site, note, notes, object, shown};
use icecore_core::{Error, ErrorKind, ModelRef, ObjectKey, Order};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::prune::prune;

/// The body as a program of format version 2 would write it: this one cannot know what is in it.
fn of_version_2() -> Vec<u8> {
    br#"{"v":2,"who":"somebody","what":"something new"}"#.to_vec()
}

/// A replica on disk, whose program can be updated.
struct Device {
    folder: tempfile::TempDir,
    session: SpaceReplica,
}

impl Device {
    fn new(site: &Site) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let replica = Replica::open(site.store(), folder.path()).unwrap();
        let session = site.opened(&replica);
        Self { folder, session }
    }

    /// Restarts as a program that can read what this one cannot: to it the same bytes say `now`, in the bucket and in
    /// what the replica has saved of it.
    fn updated(mut self, site: &Site, newer: &str, now: &[u8]) -> Self {
        site.put(newer, now);
        drop(self.session);
        let file = self.folder.path().join("replica.db");
        let saved = rusqlite::Connection::open(file).unwrap();
        let change = "UPDATE tail SET bytes = ?2 WHERE bytes = ?1";
        saved.execute(change, (of_version_2(), now)).unwrap();
        drop(saved);
        let replica = Replica::open(site.store(), self.folder.path()).unwrap();
        self.session = site.opened(&replica);
        self
    }
}

fn says_update(text: &str) -> bool {
    text.contains("format version 2") && text.contains("update this program")
}

fn assert_held(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let text = format!("{error}; {}", error.hint().unwrap_or_default());
    assert!(says_update(&text), "{text}");
}

/// Old clients met what they did not understand, skipped it, and moved their cursor on: after an update of the program it
/// was below the cursor, for ever (super-productivity; jazz#2999). Here an object of a newer format is left where it is,
/// is named with what to do, and is read as soon as the program can, whenever that is. Whoever wrote it keeps its order:
/// what it wrote later is not rolled up before it.
#[tokio::test(start_paused = true)]
async fn row_18_an_update_of_a_newer_format_is_held_and_never_skipped() {
    for rolled_up_first in [false, true] {
        let site = Site::new().await;
        let (mut writer, mut device) = (site.replica(), Device::new(&site));
        let author = site.author();
        site.land(site.now(), &object(author, 1, "old 1"));
        site.wait(1_000).await;
        let newer = site.land(site.now(), &object(author, 2, "new 2"));
        let written = site.bytes(&newer);
        site.put(&newer, &of_version_2());
        site.wait(1_000).await;
        site.land(site.now(), &object(author, 3, "old 3"));
        site.write(&mut writer, "other").await;

        // Hours and roll-ups pass, also with a full listing, and the reader looks again and again.
        for n in 0..30 {
            device.session.pull().await.unwrap();
            let status = device.session.status().unwrap();
            assert!(says_update(&status.unreadable.join("\n")), "{status:?}");
            site.wait(HOUR).await;
            site.write(&mut writer, &format!("n{n}")).await;
            let report = site.roll_up().await;
            assert_eq!(report.quarantined, [] as [String; 0]);
            assert!(!report.full || report.newer.len() == 1, "{report:?}");
            prune(&site.store(), &site.space, None).await.unwrap();
        }
        assert_eq!(site.bytes(&newer), of_version_2(), "left where it is");

        let mut device = device.updated(&site, &newer, &written);
        let own = |all: Vec<String>| -> Vec<String> {
            let is_own = |t: &String| t.starts_with("old") || t.starts_with("new");
            all.into_iter().filter(is_own).collect()
        };
        if rolled_up_first {
            site.roll_up().await;
        }
        device.session.pull().await.unwrap();
        let shown = own(shown(&mut device.session));
        assert_eq!(shown, ["old 1", "new 2", "old 3"]);
        site.roll_up_full().await;
        site.wait(20 * MINUTE).await;
        let folded = site.agreed(&mut [&mut device.session, &mut writer]).await;
        assert_eq!(notes(&folded).len(), 3 + 1 + 30);
        assert_eq!(own(notes(&folded)), ["old 1", "new 2", "old 3"]);
        let status = device.session.status().unwrap();
        assert_eq!(status.unreadable, [] as [String; 0]);
        site.verified().await;
    }
}

/// In a sequenced space each key is a place in the history: behind one that cannot be read nothing has a state to be
/// checked against. So it holds there, for readers, writers and roll-ups, says why, and goes on when it can be read.
#[tokio::test(start_paused = true)]
async fn row_18_a_sequence_holds_at_a_newer_format() {
    let site = Site::with(ModelRef::named("log"), Order::Sequence).await;
    let mut device = Device::new(&site);
    site.write(&mut device.session, "1").await;
    let newer = site.land(2, &object(site.author(), 1, "2"));
    let written = site.bytes(&newer);
    site.put(&newer, &of_version_2());
    site.land(3, &object(site.author(), 1, "3"));

    device.session.enqueue(&[note("4")]).unwrap();
    for _ in 0..2 {
        assert_held(&device.session.sync().await.unwrap_err());
        assert_eq!(shown(&mut device.session), ["1", "4"], "4 is still pending");
        assert_eq!(device.session.pending(9).unwrap().len(), 1);
        site.wait(HOUR).await;
        let report = site.roll_up_full().await;
        assert_eq!(report.newer.len(), 1, "{report:?}");
        assert_eq!(site.notes().await, ["1"]);
    }
    assert_eq!(site.bytes(&newer), of_version_2());

    let mut device = device.updated(&site, &newer, &written);
    device.session.sync().await.unwrap();
    site.roll_up_full().await;
    let folded = site.agreed(&mut [&mut device.session]).await;
    assert_eq!(notes(&folded), ["1", "2", "3", "4"]);
    site.verified().await;
}

/// The same for the history itself: who cannot read the newest segment shows what it has, says why, keeps its queue, and
/// rolls up nothing on top of it.
#[tokio::test(start_paused = true)]
async fn row_18_a_history_of_a_newer_format_is_held() {
    for folder in ["/segments/", "/snapshots/", "space.json"] {
        let site = Site::new().await;
        let (mut writer, mut old) = (site.replica(), site.replica());
        site.write(&mut writer, "a").await;
        site.wait(MINUTE).await;
        site.roll_up().await;
        old.pull().await.unwrap();
        site.write(&mut writer, "b").await;
        site.wait(MINUTE).await;
        site.roll_up().await;
        if folder == "/snapshots/" {
            // Only the snapshot is left to go by.
            let first = site.paths("/segments/").into_iter().next().unwrap();
            site.remove(&first);
        }
        let newest = site.paths(folder).into_iter().next_back().unwrap();
        let written = site.bytes(&newest);
        site.put(&newest, &packed_if(&written, &of_version_2()));
        let objects = site.paths("");

        old.enqueue(&[note("mine")]).unwrap();
        let mut fresh = site.replica();
        fresh.enqueue(&[note("fresh")]).unwrap();
        site.wait(HOUR).await;
        if folder != "/snapshots/" {
            assert_held(&old.sync().await.unwrap_err());
            assert_eq!(shown(&mut old)[0], "a", "{folder}");
            assert_eq!(old.pending(9).unwrap().len(), 1);
            let problem = old.status().unwrap().problem.unwrap();
            assert!(says_update(&problem), "{problem}");
        }
        if folder != "/segments/" {
            assert_held(&fresh.sync().await.unwrap_err());
            let error = roll_up_error(&site).await;
            assert_held(&error);
        }
        if folder != "/snapshots/" {
            assert_eq!(site.paths(""), objects, "nothing was written: {folder}");
        }

        site.put(&newest, &written);
        old.sync().await.unwrap();
        fresh.sync().await.unwrap();
        let folded = site.agreed(&mut [&mut old, &mut fresh, &mut writer]).await;
        assert_eq!(notes(&folded), ["a", "b", "mine", "fresh"], "{folder}");
    }
}

async fn roll_up_error(site: &Site) -> Error {
    use icecore_store::rollup::{RollupOptions, roll_up};
    let options = RollupOptions::default();
    let result = roll_up(&site.store(), &site.space, &options).await;
    result.unwrap_err()
}

/// A segment's or snapshot's first line, with the digest that ends every one of them.
fn packed_if(like: &[u8], line: &[u8]) -> Vec<u8> {
    if like.starts_with(b"{") {
        return line.to_vec();
    }
    let body = [line, b"\n"].concat();
    let digest = icecore_core::Digest::of(&body);
    let end = format!("{{\"sha256\":\"{digest}\"}}\n");
    [body, end.into_bytes()].concat()
}

/// A store, or a model, that this program does not know: nothing is created in it and nothing is written.
#[tokio::test(start_paused = true)]
async fn row_18_a_store_or_model_that_is_newer_is_left_alone() {
    let site = Site::new().await;
    let written = site.bytes("store.json");
    site.put("store.json", &of_version_2());
    let store = site.store();
    assert_held(&store.create().await.unwrap_err());
    let other = "other".parse().unwrap();
    let created = store
        .create_space(&other, ModelRef::named("log"), Order::Timestamp)
        .await;
    assert_held(&created.unwrap_err());
    site.put("store.json", &written);

    let path = ObjectKey::Space(site.space.clone()).to_string();
    let info = String::from_utf8(site.bytes(&path)).unwrap();
    let mut replica = site.replica();
    site.write(&mut replica, "before").await;
    site.put(&path, info.replace("\"log\"", "\"of-tomorrow\"").as_bytes());
    let (objects, mut fresh) = (site.paths(""), site.replica());
    fresh.enqueue(&[note("mine")]).unwrap();
    let error = fresh.sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("of-tomorrow"), "{error}");
    assert_eq!(site.paths(""), objects, "nothing was written");
    site.put(&path, info.as_bytes());
    fresh.sync().await.unwrap();
    let folded = site.agreed(&mut [&mut replica, &mut fresh]).await;
    assert_eq!(notes(&folded), ["before", "mine"]);
}
