//! Listings: in order, complete at once, from a start, and by level.

use super::{Subject, keys};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt, PutMode};

/// More than a page of keys, in order, and exactly those after the start.
pub(super) async fn pages(subject: &Subject) {
    const OBJECTS: usize = 1050;
    let key = |n: usize| format!("list/updates/{:013}", n * 7);
    let puts = stream::iter(0..OBJECTS)
        .map(|n| async move { subject.put(&key(n), "x", PutMode::Create).await });
    puts.buffer_unordered(32)
        .try_collect::<Vec<_>>()
        .await
        .unwrap();
    // A neighbour whose name begins with the prefix is not under it.
    subject
        .put("list/updates-too/1", "x", PutMode::Create)
        .await
        .unwrap();
    let prefix = subject.path("list/updates");
    let expected: Vec<_> = (0..OBJECTS).map(|n| subject.path(&key(n))).collect();
    assert_eq!(keys(subject.store.list(Some(&prefix))).await, expected);
    for (offset, first) in [
        ("0", 0),
        (&*format!("{:013}", 7 * 24), 25),
        (&*format!("{:013}", 7 * 24 + 1), 25),
        ("9", OBJECTS),
    ] {
        let offset = prefix.clone().join(offset);
        let listed = keys(subject.store.list_with_offset(Some(&prefix), &offset)).await;
        assert_eq!(listed, expected[first..], "after {offset}");
    }
    let late = subject.path(&key(OBJECTS));
    subject.store.put(&late, "x".into()).await.unwrap();
    assert_eq!(
        keys(
            subject
                .store
                .list_with_offset(Some(&prefix), &expected[OBJECTS - 1])
        )
        .await,
        [late]
    );
    assert_eq!(
        keys(subject.store.list(Some(&subject.path("list/none")))).await,
        []
    );
}

pub(super) async fn levels(subject: &Subject) {
    for key in [
        "level/b/1",
        "level/a/1",
        "level/a/2",
        "level/c",
        "level/a.b",
    ] {
        subject.put(key, "x", PutMode::Create).await.unwrap();
    }
    let level = subject
        .store
        .list_with_delimiter(Some(&subject.path("level")))
        .await
        .unwrap();
    assert_eq!(
        level.common_prefixes,
        [subject.path("level/a"), subject.path("level/b")]
    );
    let objects: Vec<_> = level
        .objects
        .into_iter()
        .map(|meta| meta.location)
        .collect();
    assert_eq!(
        objects,
        [subject.path("level/a.b"), subject.path("level/c")]
    );
}
