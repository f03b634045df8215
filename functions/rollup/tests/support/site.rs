//! A store for tests, and writers that need no replica. Part of the other files here; no tests of its own.

#![allow(
    dead_code,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "each test uses a part of it, and stops at what it did not expect"
)]

use icecore_core::plan::KeyClock;
use icecore_core::{Author, Head, Key, ModelRef, Order, Seq, SpaceName, Update, UpdateObject};
use icecore_store::publish::{publish, write_head};
use icecore_store::{Reader, Store};
use serde_json::value::RawValue;
use std::time::Duration;

pub struct Site {
    pub store: Store,
    written: u64,
}

impl Site {
    /// A store with the spaces `space-0`, `space-1` …
    pub async fn new(store: Store, spaces: usize, model: &str) -> Self {
        store.create().await.unwrap();
        for n in 0..spaces {
            let (name, model) = (name(n), ModelRef::named(model));
            let created = store.create_space(&name, model, Order::Timestamp);
            created.await.unwrap();
        }
        Self { store, written: 0 }
    }

    /// One update of a new author, and the head.
    pub async fn write(&mut self, space: usize, kind: &str, data: &str) {
        let info = self.store.space(&name(space)).await.unwrap().info;
        self.written += 1;
        let author = Author::from_parts(self.written, 0);
        let data = RawValue::from_string(data.to_owned()).unwrap();
        let update = Update::new(self.store.now(), kind, &data, None).unwrap();
        let object = UpdateObject::new(author, Seq::FIRST, vec![update]);
        let mut keys = KeyClock::default();
        let published = publish(&self.store, &info, &object, &mut keys)
            .await
            .unwrap();
        let key: Key = published.key;
        let head = Head {
            key,
            ..Head::first(info.epoch)
        };
        write_head(&self.store, &info, &head).await.unwrap();
    }

    pub async fn write_everywhere(&mut self, spaces: usize) {
        for space in 0..spaces {
            self.write(space, "merge", r#"{"a":1}"#).await;
        }
    }

    pub async fn wait(&self, duration: Duration) {
        self.store.clock.sleep(duration).await;
    }

    /// How many updates the segments of a space hold.
    pub async fn rolled_up(&self, space: usize) -> u64 {
        let reader = Reader::open(&self.store, &name(space)).await.unwrap();
        reader.base.count
    }

    pub async fn state(&self, space: usize) -> String {
        let reader = Reader::open(&self.store, &name(space)).await.unwrap();
        String::from_utf8(reader.base.folded.state_json().unwrap()).unwrap()
    }
}

pub fn name(n: usize) -> SpaceName {
    format!("space-{n}").parse().unwrap()
}
