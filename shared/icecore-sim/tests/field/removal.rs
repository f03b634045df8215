//! Content that must be gone, not only hidden.

use crate::site::{HOUR, MINUTE, Site, note, notes, object, shown};
use icecore_core::ErrorKind;
use icecore_replica::Replica;
use icecore_store::epochs::{Redaction, compress, erase, redact, reset};
use icecore_store::prune::prune;

/// Beyond the retention of a day.
const LONG: i64 = 30 * HOUR;

/// "Deleted" documents that stay readable in old revisions for ever, or carry a mark and all their content
/// (pouchdb#802; couchdb#1378; Evolu only marks): who asks for deletion by law does not get it. Here `erase` removes every
/// object of the space, whatever folder or epoch it is in; only a tombstone without content stays, so that a late write
/// finds a space that is gone. Every stored byte is searched, packed ones unpacked.
#[tokio::test(start_paused = true)]
async fn row_15_an_erased_space_leaves_no_byte_of_its_content() {
    let site = Site::new().await;
    let (mut writer, mut other) = (site.replica(), site.replica());
    for n in 0..4 {
        site.write(&mut writer, &format!("secret {n}")).await;
        site.write(&mut other, &format!("secret too {n}")).await;
        site.wait(MINUTE).await;
        site.roll_up().await;
    }
    compress(&site.store(), &site.space).await.unwrap();
    let broken = site.land(site.now(), &object(site.author(), 1, "secret"));
    site.put(&broken, b"{\"secret\": cut sh");
    site.wait(MINUTE).await;
    site.roll_up_full().await;
    site.write(&mut site.replica(), "secret in the tail").await;
    assert!(site.holding("secret").len() > 5);

    let erased = erase(&site.store(), &site.space).await.unwrap();
    assert!(erased.objects > 10, "{erased:?}");
    assert_eq!(site.holding("secret"), [] as [String; 0]);
    assert_eq!(
        site.paths("").into_iter().collect::<Vec<_>>(),
        ["spaces/notes/space.json", "store.json"]
    );

    // Who does not know yet is told, keeps what was not sent, and writes nothing.
    writer.enqueue(&[note("secret after")]).unwrap();
    for _ in 0..2 {
        let error = writer.sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("was erased"), "{error}");
        site.wait(HOUR).await;
    }
    assert_eq!(site.paths("").len(), 2, "{}", site.tree());
    // A write that was under way lands later: erasing again removes it.
    site.land(site.now(), &object(site.author(), 7, "secret and late"));
    assert_eq!(
        erase(&site.store(), &site.space).await.unwrap().objects,
        1,
        "{}",
        site.tree()
    );
    assert_eq!(site.holding("secret"), [] as [String; 0]);
}

/// One update, or all of one author's, taken out of a history that others go on with (couchdb#1378). The state is folded
/// again without it, and once the retention is over no stored byte holds it; nobody who still has it brings it back: not
/// its author, not a device that was offline, not a copy that lands late in the old history or in the new one.
#[tokio::test(start_paused = true)]
async fn row_15_what_was_redacted_is_gone_and_stays_gone() {
    for whole_author in [false, true] {
        let site = Site::new().await;
        let (mut writer, mut other) = (site.replica(), site.replica());
        site.write(&mut writer, "w0").await;
        let secret = site.write(&mut writer, "my secret").await;
        site.write(&mut other, "o0").await;
        site.wait(MINUTE).await;
        site.roll_up().await;
        site.write(&mut writer, "w1").await;
        site.write(&mut other, "o1").await;
        let mut offline = site.replica();
        offline.pull().await.unwrap();
        offline.enqueue(&[note("from offline")]).unwrap();

        let redaction = if whole_author {
            Redaction::Author(secret.author)
        } else {
            Redaction::Update(secret)
        };
        let new = redact(&site.store(), &site.space, redaction).await.unwrap();
        assert_eq!(new.carried, if whole_author { 3 } else { 1 });
        let again = object(secret.author, secret.seq.get(), "my secret");
        site.land(site.now(), &again);
        let late = site.land(site.now() + 1, &again);
        site.put(
            &late.replace(&new.from.to_string(), &new.epoch.to_string()),
            &again.to_json(),
        );

        site.wait(HOUR).await;
        site.write(&mut writer, "w2").await;
        site.write(&mut other, "o2").await;
        site.roll_up_full().await;
        offline.sync().await.unwrap();
        site.wait(LONG).await;
        for _ in 0..3 {
            site.roll_up_full().await;
            site.wait(LONG).await;
            prune(&site.store(), &site.space, None).await.unwrap();
        }
        assert_eq!(
            site.holding("my secret"),
            [] as [String; 0],
            "{}",
            site.tree()
        );
        let folded = site
            .agreed(&mut [&mut writer, &mut other, &mut offline])
            .await;
        let expected: &[&str] = if whole_author {
            &["o0", "o1", "w2", "o2", "from offline"]
        } else {
            &["w0", "o0", "w1", "o1", "w2", "o2", "from offline"]
        };
        assert_eq!(notes(&folded), expected);
        site.verified().await;
    }
}

/// A compressed history holds a state and no updates, so nothing can be taken out of it: that is said, and the way out
/// is a reset, after which nothing of it is left either.
#[tokio::test(start_paused = true)]
async fn row_15_what_was_compressed_can_still_be_removed_for_good() {
    let site = Site::new().await;
    let replica = Replica::in_memory(site.store()).unwrap();
    let mut writer = site.opened(&replica);
    let secret = site.write(&mut writer, "my secret").await;
    compress(&site.store(), &site.space).await.unwrap();
    let refused = redact(&site.store(), &site.space, Redaction::Update(secret)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    assert!(refused.hint().unwrap().contains("reset"), "{refused}");
    assert_eq!(site.notes().await, ["my secret"], "nothing was changed");

    reset(&site.store(), &site.space).await.unwrap();
    for _ in 0..2 {
        site.wait(LONG).await;
        writer.sync().await.unwrap();
        site.roll_up_full().await;
        prune(&site.store(), &site.space, None).await.unwrap();
    }
    assert_eq!(
        site.holding("my secret"),
        [] as [String; 0],
        "{}",
        site.tree()
    );
    assert_eq!(shown(&mut writer), [] as [String; 0]);
    site.verified().await;
}
