use super::*;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;

#[test]
fn kinds() {
    let metered = Metered::new(Arc::new(InMemory::new()), Path::from("a/root"));
    let cases = [
        ("a/root/store.json", "store.json"),
        ("a/root/heads/x", "heads"),
        ("a/root/heads", "heads"),
        ("a/root/spaces/x/space.json", "space.json"),
        ("a/root/spaces/x/0001/updates/0000000000001", "updates"),
        ("a/root/spaces/x/0001/updates", "updates"),
        ("a/root/spaces/x/0001/segments/0000000001", "segments"),
        ("a/root/spaces/x/0001/snapshots/0000000001", "snapshots"),
        ("a/root/spaces/x/0001/quarantine/y", "quarantine"),
        ("a/root/spaces/updates/0001/segments/y", "segments"),
        ("a/root/probe-1", "other"),
        ("b/store.json", "other"),
    ];
    for (path, kind) in cases {
        assert_eq!(metered.kind(&Path::from(path)), kind, "{path}");
    }
}

#[tokio::test]
async fn requests_are_counted() {
    let metered = Metered::new(Arc::new(InMemory::new()), Path::default());
    let head = Path::from("heads/x");
    metered.put(&head, "hello".into()).await.unwrap();
    let tag = metered.head(&head).await.unwrap().e_tag;
    metered.get(&head).await.unwrap();
    let same = GetOptions {
        if_none_match: tag,
        ..GetOptions::default()
    };
    metered.get_opts(&head, same).await.unwrap_err();
    metered.delete(&head).await.unwrap();
    let expected = KindCounts {
        put: 1,
        get: 3,
        not_modified: 1,
        delete: 1,
        bytes_in: 5,
        bytes_out: 5,
        ..KindCounts::default()
    };
    assert_eq!(metered.counts().of("heads"), expected);
    assert_eq!(metered.counts().total, expected);
    assert_eq!(metered.counts().requests(), 5);
    let before = metered.counts();
    assert_eq!(metered.counts() - before.clone(), RequestCounts::default());
    assert_eq!((before.clone() + before).total.get, 6);
}

#[tokio::test]
async fn a_listing_costs_a_request_per_thousand() {
    let metered = Metered::new(Arc::new(InMemory::new()), Path::default());
    let updates = Path::from("spaces/x/0001/updates");
    for (objects, pages) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (2000, 2), (2001, 3)] {
        let stored = metered.counts().of("updates").put;
        for n in stored..objects {
            metered
                .put(&updates.clone().join(format!("{n:013}")), "".into())
                .await
                .unwrap();
        }
        let before = metered.counts();
        let listed: Vec<_> = metered.list(Some(&updates)).try_collect().await.unwrap();
        assert_eq!(listed.len() as u64, objects);
        assert_eq!(
            (metered.counts() - before).of("updates").list,
            pages,
            "{objects}"
        );
    }
}

#[test]
fn prices() {
    let total = KindCounts {
        put: 1000,
        copy: 1000,
        list: 1000,
        get: 1000,
        delete: 9,
        ..KindCounts::default()
    };
    let counts = RequestCounts {
        total,
        by_kind: BTreeMap::new(),
    };
    assert!((cost_usd(&counts) - 0.0154).abs() < 1e-12);
}
