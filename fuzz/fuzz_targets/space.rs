//! The small objects: what parses is written again so that it says the same.
#![no_main]

use icecore_core::transient::TransientEvent;
use icecore_core::{Covered, Head, Joined, SpaceInfo, StoreInfo};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(store) = StoreInfo::from_json(bytes) {
        assert_eq!(
            StoreInfo::from_json(&store.to_json())
                .expect("again")
                .to_json(),
            store.to_json()
        );
    }
    if let Ok(space) = SpaceInfo::from_json(bytes) {
        assert_eq!(
            SpaceInfo::from_json(&space.to_json())
                .expect("again")
                .to_json(),
            space.to_json()
        );
        drop(icecore_core::Registry::built_in().open(&space.model));
    }
    if let Ok(head) = Head::from_json(bytes) {
        assert_eq!(Head::from_json(&head.to_json()).expect("again"), head);
    }
    drop(Joined::from_json(bytes));
    drop(TransientEvent::from_json(bytes));
    if let Ok(covered) = serde_json::from_slice::<Covered>(bytes) {
        let text = serde_json::to_vec(&covered).expect("a set");
        assert_eq!(
            serde_json::from_slice::<Covered>(&text).expect("again"),
            covered
        );
        assert!(covered.without(&covered).is_empty());
    }
});
