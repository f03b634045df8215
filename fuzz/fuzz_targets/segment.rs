//! Segments, packed and unpacked: what unpacks is folded, and packed again to the same digest where it was in our form.
#![no_main]

use icecore_core::{Base, Segment, SpaceInfo};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

/// The space that most vectors are of.
fn info() -> &'static SpaceInfo {
    static INFO: OnceLock<SpaceInfo> = OnceLock::new();
    INFO.get_or_init(|| {
        let json = br#"{"v":1,"store":"019aa122-be00-7000-8000-000000000001","space":"notes","epoch":"0001-9f3c1e7a2b4d5c60","model":{"name":"document"},"order":"timestamp","created_at":"2025-11-20T12:00:00.000Z"}"#;
        SpaceInfo::from_json(json).expect("a space")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(segment) = Segment::unpack_at_most(bytes, 1 << 20) else {
        return;
    };
    let info = info();
    let model = icecore_core::Registry::built_in()
        .open(&info.model)
        .expect("a model");
    let mut base = Base::initial(info, model);
    drop(base.fold(&segment));
    let state = segment.base_state.as_deref();
    if let Ok(packed) = Segment::pack(&segment.header, state, &segment.entries) {
        let again = Segment::unpack(&packed.bytes).expect("what was packed unpacks");
        assert_eq!(again.entries, segment.entries);
        assert_eq!(again.digest, packed.digest);
    }
});
