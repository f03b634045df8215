//! The app that is measured: records with a handful of fields, each as large as it is told.

use crate::bench::sample::text;
use icecore::{Meta, Model, RawValue, Rejected, message};
use icecore_core::{Error, Result, Update};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::to_raw_value;
use std::collections::BTreeMap;

/// The state.
pub(super) type Records = BTreeMap<u32, Record>;

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    body: String,
    done: bool,
    due: u64,
    tags: Vec<String>,
    title: String,
}

impl Record {
    /// The n-th version of a record, which takes about `bytes` bytes of the state's JSON.
    pub(super) fn new(id: u32, n: u64, bytes: usize) -> Self {
        let seed = u64::from(id) * 1_000_003 + n;
        let mut record = Self {
            body: String::new(),
            done: n % 2 == 1,
            due: 1_795_176_000 + n,
            tags: vec!["home".to_owned()],
            title: text(seed + 1, 20),
        };
        let frame = serde_json::to_vec(&record).map_or(0, |json| json.len()) + r#""10000":,"#.len();
        record.body = text(seed, bytes.saturating_sub(frame));
        record
    }
}

/// What can happen to them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub(super) enum Msg {
    Put { id: u32, record: Record },
}

impl Msg {
    /// The n-th update of a record.
    pub(super) fn put(id: u32, n: u64, bytes: usize) -> Self {
        let record = Record::new(id, n, bytes);
        Self::Put { id, record }
    }
}

/// The model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Book;

impl Model for Book {
    type State = Records;
    type Update = Msg;

    fn name(&self) -> &'static str {
        "bench-records"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> Records {
        Records::new()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
        message::decode(kind, data)
    }

    fn apply(&self, records: &mut Records, msg: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
        let Msg::Put { id, record } = msg;
        records.insert(id, record);
        Ok(())
    }
}

/// The n-th update of one record, as a document takes it.
pub(super) fn document_update(n: u64, bytes: usize, at: i64) -> Result<Update> {
    let id = u32::try_from(n % 10_000).unwrap_or(0);
    let data = json!({ "records": { id.to_string(): Record::new(id, n, bytes) } });
    let data = to_raw_value(&data)
        .map_err(|e| Error::internal("BUG: JSON has a JSON form").with_source(e))?;
    Update::new(at, "merge", &data, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_as_large_as_it_is_told() {
        for bytes in [150, 1_000] {
            let records: Records = (10_000..10_100)
                .map(|id| (id, Record::new(id, 1, bytes)))
                .collect();
            let json = serde_json::to_vec(&records).unwrap();
            assert_eq!(json.len(), 100 * bytes + 1);
        }
    }
}
