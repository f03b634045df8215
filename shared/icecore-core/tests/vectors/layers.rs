//! What `segment.json` and `snapshot.json` have in common: gzip around lines with a digest in the last.

use super::encoding::{from_base64, gunzip, gzip, to_base64};
use super::objects::code;
use icecore_core::{Digest, Result};
use serde::{Deserialize, Serialize};

/// What begins a last line.
const TRAILER: &str = "{\"sha256\":";

/// The lines of an unpacked layer.
pub(crate) fn lines_of(plain: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(plain).unwrap();
    let text = text.strip_suffix('\n').unwrap();
    text.split('\n').map(str::to_owned).collect()
}

pub(crate) fn text_of(lines: &[String]) -> Vec<u8> {
    (lines.join("\n") + "\n").into_bytes()
}

/// The lines with the last line that they must have.
pub(crate) fn sealed(mut lines: Vec<String>) -> Vec<String> {
    if lines.last().is_some_and(|line| line.starts_with(TRAILER)) {
        lines.pop();
    }
    let digest = Digest::of(&text_of(&lines));
    lines.push(format!("{TRAILER}\"{digest}\"}}"));
    lines
}

/// Stays as it is while it unpacks to the same: compressors differ, and readers take them all.
pub(crate) fn packed(before: &str, plain: &[u8]) -> String {
    if !before.is_empty() && gunzip(&from_base64(before)).as_deref() == Some(plain) {
        return before.to_owned();
    }
    to_base64(&gzip(plain))
}

/// A segment or snapshot that every reader refuses.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvalidLayer {
    pub(crate) name: String,
    /// The lines, each with a line feed at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<String>>,
    /// The digest in the last line fits: something else is wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sealed: bool,
    /// Instead of lines: the unpacked text as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Instead of lines: how the gzip bytes of a valid case were spoilt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spoilt: Option<Spoilt>,
    /// Instead of lines: the stored bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gzip: Option<String>,
    /// The model that the space names, where not `document`; of snapshots only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    #[serde(default)]
    error: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spoilt {
    /// The name of the valid case.
    of: String,
    /// So many bytes are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<usize>,
    /// This byte has another lowest bit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flip: Option<usize>,
    /// These bytes, in base64, follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    append: Option<String>,
}

impl Spoilt {
    fn bytes(&self, valid: &[(String, String)]) -> Vec<u8> {
        let (_, gzip) = valid.iter().find(|(name, _)| *name == self.of).unwrap();
        let mut bytes = from_base64(gzip);
        if let Some(cut) = self.cut {
            bytes.truncate(cut);
        }
        if let Some(flip) = self.flip {
            bytes[flip] ^= 1;
        }
        if let Some(append) = &self.append {
            bytes.extend(from_base64(append));
        }
        bytes
    }
}

impl InvalidLayer {
    /// `valid` are the names and gzip bytes of the valid cases.
    pub(crate) fn computed<T>(
        mut self,
        valid: &[(String, String)],
        read: impl FnOnce(&[u8]) -> Result<T>,
    ) -> Self {
        if self.sealed {
            self.lines = self.lines.map(sealed);
        }
        if let Some(spoilt) = &self.spoilt {
            self.gzip = Some(to_base64(&spoilt.bytes(valid)));
        }
        let stored = match (&self.lines, &self.text, &self.gzip) {
            (Some(lines), None, None) => text_of(lines),
            (None, Some(text), None) => text.clone().into_bytes(),
            (None, None, Some(gzip)) => from_base64(gzip),
            _ => panic!("`{}` has not one of lines, text and gzip", self.name),
        };
        let result = read(&stored);
        let error = result.err();
        let error = error.unwrap_or_else(|| panic!("`{}` is not refused", self.name));
        self.error = code(&error);
        self
    }
}
