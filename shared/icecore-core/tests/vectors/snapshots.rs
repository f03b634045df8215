//! `snapshot.json`.

use super::encoding::{from_base64, gunzip};
use super::files::check;
use super::layers::{InvalidLayer, lines_of, packed, sealed, text_of};
use icecore_core::snapshot::SnapshotHeader;
use icecore_core::{
    Base, Digest, Error, Key, ModelRef, Order, Registry, Result, Snapshot, SpaceInfo, StoreId,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshots {
    valid: Vec<Valid>,
    invalid: Vec<InvalidLayer>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    name: String,
    /// Whether a writer writes these lines; a case that is not exact is for readers only.
    exact: bool,
    header: Option<SnapshotHeader>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    lines: Vec<String>,
    #[serde(default)]
    digest: Option<Digest>,
    /// What the differences in the header's `recent` stand for.
    #[serde(default)]
    recent_keys: Vec<Key>,
    /// The state of the opened snapshot as it is written again.
    #[serde(default)]
    canonical: String,
    /// Whatever some compressor made of the lines.
    #[serde(default)]
    gzip: String,
}

impl Valid {
    fn computed(mut self) -> Self {
        self.lines = if self.exact {
            self.written()
        } else {
            sealed(self.lines)
        };
        let plain = text_of(&self.lines);
        self.gzip = packed(&self.gzip, &plain);
        let refused = |e: &Error| format!("`{}` is refused: {e:?}", self.name);
        let read = Snapshot::unpack(&plain).unwrap_or_else(|e| panic!("{}", refused(&e)));
        let same = Snapshot::unpack(&from_base64(&self.gzip)).unwrap();
        assert_eq!((&same.header, same.digest()), (&read.header, read.digest()));
        let base = open(&plain, &read.header.model).unwrap_or_else(|e| panic!("{}", refused(&e)));
        Self {
            state: String::from_utf8(read.state_json().to_vec()).unwrap(),
            digest: Some(read.digest()),
            recent_keys: base.recent.iter().copied().collect(),
            canonical: String::from_utf8(base.folded.state_json().unwrap()).unwrap(),
            header: Some(read.header),
            ..self
        }
    }

    fn written(&self) -> Vec<String> {
        let header = self.header.as_ref().unwrap();
        let packed = Snapshot::pack(header, |out| {
            out.write_all(self.state.as_bytes()).unwrap();
            Ok(())
        });
        lines_of(&gunzip(&packed.unwrap().bytes).unwrap())
    }
}

/// Opens a snapshot of the space `notes` in its first epoch, with the model that the space names.
fn open(stored: &[u8], model: &str) -> Result<Base> {
    let info = SpaceInfo {
        v: 1,
        store: StoreId::from_parts(0, 0),
        space: "notes".parse().unwrap(),
        epoch: "0001-9f3c1e7a2b4d5c60".parse().unwrap(),
        model: ModelRef::named(model),
        order: Order::Timestamp,
        created_at: String::new(),
        old_epochs: Vec::new(),
        linked: None,
        keyring: None,
        erased_at: None,
        needs: icecore_core::space::Needs::default(),
        other: std::collections::BTreeMap::default(),
    };
    let model = Registry::built_in().open(&info.model)?;
    let base = Base::from_snapshot(&Snapshot::unpack(stored)?, &info, model)?;
    Ok(base.expect("the built-in models have one version"))
}

#[test]
fn snapshots() {
    check("snapshot.json", |file: Snapshots| {
        let valid: Vec<Valid> = file.valid.into_iter().map(Valid::computed).collect();
        let named: Vec<(String, String)> = valid
            .iter()
            .map(|case| (case.name.clone(), case.gzip.clone()))
            .collect();
        let computed = |case: InvalidLayer| {
            let model = case.model.clone();
            case.computed(&named, |stored| {
                open(stored, model.as_deref().unwrap_or("document"))
            })
        };
        Snapshots {
            invalid: file.invalid.into_iter().map(computed).collect(),
            valid,
        }
    });
}
