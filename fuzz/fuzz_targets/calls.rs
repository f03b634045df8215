//! What strangers send to a gateway, and its settings.
#![no_main]

use icecore_core::wire::{SignRequest, SyncRequest};
use icecore_gateway::token::TokenSettings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = serde_json::from_slice::<SyncRequest>(bytes) {
        let text = serde_json::to_vec(&request).expect("a request");
        assert_eq!(
            serde_json::from_slice::<SyncRequest>(&text).expect("again"),
            request
        );
    }
    if let Ok(request) = serde_json::from_slice::<SignRequest>(bytes) {
        drop(serde_json::to_vec(&request));
    }
    drop(TokenSettings::from_json(bytes));
});
