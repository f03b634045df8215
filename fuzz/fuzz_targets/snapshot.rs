//! Snapshots: what unpacks is opened as a state.
#![no_main]

use icecore_core::{Base, Registry, Snapshot, SpaceInfo};
use libfuzzer_sys::fuzz_target;

const SPACE: &[u8] = br#"{"v":1,"store":"019aa122-be00-7000-8000-000000000001","space":"notes","epoch":"0001-9f3c1e7a2b4d5c60","model":{"name":"document","settings":{"rules":[{"path":"/notes/*/title","rule":"unique"}]}},"order":"timestamp","created_at":"2025-11-20T12:00:00.000Z"}"#;

fuzz_target!(|bytes: &[u8]| {
    let Ok(snapshot) = Snapshot::unpack_at_most(bytes, 1 << 20) else {
        return;
    };
    drop(snapshot.header.recent_keys());
    let info = SpaceInfo::from_json(SPACE).expect("a space");
    let model = Registry::built_in().open(&info.model).expect("a model");
    if let Ok(Some(base)) = Base::from_snapshot(&snapshot, &info, model) {
        drop(base.folded.conflicts());
        drop(base.folded.state_json());
    }
});
