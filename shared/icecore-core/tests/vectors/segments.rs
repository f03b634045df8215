//! `segment.json`.

use super::encoding::{from_base64, gunzip};
use super::files::check;
use super::layers::{InvalidLayer, lines_of, packed, sealed, text_of};
use icecore_core::{Author, Digest, Entry, Key, Segment, SegmentHeader, Seq, UpdateId};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Segments {
    valid: Vec<Valid>,
    invalid: Vec<InvalidLayer>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    name: String,
    /// Whether a writer writes these lines; a case that is not exact is for readers only.
    exact: bool,
    header: Option<SegmentHeader>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_state: Option<String>,
    #[serde(default)]
    entries: Vec<EntryText>,
    #[serde(default)]
    lines: Vec<String>,
    #[serde(default)]
    digest: Option<Digest>,
    /// Whatever some compressor made of the lines.
    #[serde(default)]
    gzip: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    author: Author,
    seq: Seq,
    key: Key,
    update: String,
}

impl EntryText {
    fn of(entry: &Entry) -> Self {
        Self {
            author: entry.id.author,
            seq: entry.id.seq,
            key: entry.key,
            update: entry.update.as_text().to_owned(),
        }
    }

    fn entry(&self) -> Entry {
        let (author, seq) = (self.author, self.seq);
        Entry {
            id: UpdateId { author, seq },
            key: self.key,
            update: serde_json::from_str(&self.update).unwrap(),
        }
    }
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
        let read =
            Segment::unpack(&plain).unwrap_or_else(|e| panic!("`{}` is refused: {e:?}", self.name));
        // The same whoever unpacks it.
        let same = Segment::unpack(&from_base64(&self.gzip)).unwrap();
        assert_eq!(
            (&same.header, &same.entries, same.digest),
            (&read.header, &read.entries, read.digest)
        );
        let state = read.base_state.map(|s| String::from_utf8(s).unwrap());
        Self {
            header: Some(read.header),
            base_state: state,
            entries: read.entries.iter().map(EntryText::of).collect(),
            digest: Some(read.digest),
            ..self
        }
    }

    fn written(&self) -> Vec<String> {
        let entries: Vec<Entry> = self.entries.iter().map(EntryText::entry).collect();
        let state = self.base_state.as_ref().map(String::as_bytes);
        let header = self.header.as_ref().unwrap();
        let packed = Segment::pack(header, state, &entries).unwrap();
        lines_of(&gunzip(&packed.bytes).unwrap())
    }
}

#[test]
fn segments() {
    check("segment.json", |file: Segments| {
        let valid: Vec<Valid> = file.valid.into_iter().map(Valid::computed).collect();
        let named: Vec<(String, String)> = valid
            .iter()
            .map(|case| (case.name.clone(), case.gzip.clone()))
            .collect();
        let invalid = file.invalid.into_iter();
        Segments {
            invalid: invalid
                .map(|case| case.computed(&named, Segment::unpack))
                .collect(),
            valid,
        }
    });
}
