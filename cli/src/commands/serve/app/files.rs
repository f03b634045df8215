//! The table of an app's files: what lies in its folder, by the paths under which it is asked for.

use flate2::Compression;
use flate2::write::GzEncoder;
use icecore_core::{Digest, Error, Result};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// All files of an app together.
const BYTES_MAX: u64 = 256 << 20;
/// How many there may be.
const FILES_MAX: usize = 10_000;
/// How deep folders may lie in each other.
const DEPTH_MAX: usize = 32;
/// Names at the root that are the server's own.
const TAKEN: [&str; 4] = ["v1", "healthz", "metrics", super::super::site::BUCKET];
/// Shorter files are not worth packing.
const PACKED_BYTES_MIN: usize = 1_024;

/// A file as it is served.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Its extension, in lower case.
    pub(super) extension: String,
    /// Whether its name changes whenever it does: then nobody needs to ask for it again.
    pub(super) is_hashed: bool,
    /// The first digits of its digest.
    pub(super) tag: String,
    /// As it lies there.
    pub(super) plain: Vec<u8>,
    /// Packed, where that is smaller.
    pub(super) gzip: Option<Vec<u8>>,
    /// What a build tool packed beside it: `NAME.br`.
    pub(super) brotli: Option<Vec<u8>>,
}

/// Size and time: what tells that a file was changed.
type Stamp = (u64, Option<SystemTime>);

/// The files of a folder.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    looked_at: Duration,
    stamps: BTreeMap<String, Stamp>,
    by_path: BTreeMap<String, Arc<File>>,
}

impl Files {
    /// Reads a folder at a time of the monotonic clock.
    pub(super) fn read(folder: &Path, now: Duration) -> Result<Self> {
        let mut files = Self {
            folder: folder.to_path_buf(),
            looked_at: now,
            stamps: BTreeMap::new(),
            by_path: BTreeMap::new(),
        };
        files.look()?;
        if !files.by_path.contains_key("/index.html") {
            return Err(Error::invalid("the app has no index.html")
                .with_object(folder.display().to_string())
                .with_hint("name the folder that the app was built into, such as ./dist"));
        }
        Ok(files)
    }

    /// The file of an exact path.
    pub(super) fn get(&self, path: &str) -> Option<Arc<File>> {
        self.by_path.get(path).map(Arc::clone)
    }

    /// Looks whether files changed, unless that was done just now. While the folder cannot be read, as in the middle of a
    /// build, what was read before counts.
    pub(super) fn look_again(&mut self, now: Duration, every: Duration) {
        if now.saturating_sub(self.looked_at) < every {
            return;
        }
        self.looked_at = now;
        if let Err(error) = self.look() {
            tracing::warn!(%error, "the app's files cannot be read: what was read before is served");
        }
    }

    fn look(&mut self) -> Result<()> {
        let mut stamps = BTreeMap::new();
        list(&self.folder, "", &mut stamps)?;
        if stamps == self.stamps {
            return Ok(());
        }
        let bytes: u64 = stamps.values().map(|(bytes, _)| bytes).sum();
        if bytes > BYTES_MAX || stamps.len() > FILES_MAX {
            return Err(too_much(&self.folder));
        }
        let mut by_path = BTreeMap::new();
        for (path, stamp) in &stamps {
            let kept = self.by_path.get(path);
            let packed = format!("{path}.br");
            let is_same = |path: &String| self.stamps.get(path) == stamps.get(path);
            let file = match kept.filter(|_| is_same(path) && is_same(&packed)) {
                Some(file) => Arc::clone(file),
                None => Arc::new(self.load(path, stamp, stamps.contains_key(&packed))?),
            };
            by_path.insert(path.clone(), file);
        }
        (self.stamps, self.by_path) = (stamps, by_path);
        Ok(())
    }

    fn load(&self, path: &str, (bytes, _): &Stamp, has_brotli: bool) -> Result<File> {
        let read = |path: &str| {
            let place = self.folder.join(path.trim_start_matches('/'));
            fs::read(&place).map_err(|error| unreadable(&place, error))
        };
        let plain = read(path)?;
        if plain.len() as u64 > bytes.saturating_add(BYTES_MAX / 4) {
            return Err(too_much(&self.folder)); // It grows while it is read.
        }
        let brotli = has_brotli.then(|| read(&format!("{path}.br")));
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name.rsplit_once('.').map_or("", |(_, end)| end);
        Ok(File {
            extension: extension.to_ascii_lowercase(),
            is_hashed: is_hashed(name),
            tag: Digest::of(&plain).to_string()[..32].to_owned(),
            gzip: packed(&plain),
            brotli: brotli.transpose()?,
            plain,
        })
    }
}

/// All plain files below a folder. Links are passed over: one could lead anywhere. So are hidden files: `.git` and `.env`
/// are nothing that an app shows.
fn list(folder: &Path, above: &str, found: &mut BTreeMap<String, Stamp>) -> Result<()> {
    if above.matches('/').count() > DEPTH_MAX {
        return Err(too_much(folder));
    }
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        let place = entry.path();
        let kind = entry
            .file_type()
            .map_err(|error| unreadable(&place, error))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue; // No browser can ask for it.
        };
        if name.starts_with('.') && name != ".well-known" {
            continue;
        }
        if above.is_empty() && TAKEN.contains(&name.as_str()) {
            return Err(Error::invalid(format!(
                "the app's `{name}` would hide a part of the server"
            ))
            .with_object(place.display().to_string())
            .with_hint("give it another name"));
        }
        let path = format!("{above}/{name}");
        if kind.is_dir() {
            list(&place, &path, found)?;
        } else if kind.is_file() {
            let about = entry
                .metadata()
                .map_err(|error| unreadable(&place, error))?;
            found.insert(path, (about.len(), about.modified().ok()));
        }
        if found.len() > FILES_MAX {
            return Err(too_much(folder));
        }
    }
    Ok(())
}

/// Whether a name holds a hash, as build tools write it: `app-B7x9Qw2k.js`, `style.4f2a91cc.css`. Eight or more letters and
/// digits between a hyphen or dot and the extension, with digits among the letters, or all capitals. A hash that could be a word is
/// taken for one: that costs a question each time, and the other way round an old file.
fn is_hashed(name: &str) -> bool {
    let Some((stem, _)) = name.rsplit_once('.') else {
        return false;
    };
    let stem = stem.strip_suffix(".min").unwrap_or(stem);
    let Some((_, hash)) = stem.rsplit_once(['-', '.']) else {
        return false;
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let has = |is: fn(&char) -> bool| hash.chars().any(|c| is(&c));
    let is_mixed = has(char::is_ascii_digit) && has(char::is_ascii_alphabetic);
    let is_capitals = hash.chars().all(|c| c.is_ascii_uppercase());
    hash.len() >= 8 && hash.chars().all(is_part) && (is_mixed || is_capitals)
}

fn packed(plain: &[u8]) -> Option<Vec<u8>> {
    if plain.len() < PACKED_BYTES_MIN {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < plain.len() - plain.len() / 10).then_some(packed)
}

fn unreadable(place: &Path, error: std::io::Error) -> Error {
    Error::invalid("the app's files cannot be read")
        .with_object(place.display().to_string())
        .with_hint("check the argument of --app")
        .with_source(error)
}

fn too_much(folder: &Path) -> Error {
    Error::invalid("the app is too large to be served")
        .with_object(folder.display().to_string())
        .with_hint(format!(
            "at most {} MiB in {FILES_MAX} files: is this the folder that the app was built into?",
            BYTES_MAX >> 20
        ))
}

#[cfg(test)]
mod tests {
    use super::is_hashed;

    #[test]
    fn names_with_a_hash_are_told_from_others() {
        for name in [
            "app-B7x9Qw2k.js",
            "style.4f2a91cc.css",
            "chunk-1a2b3c4d5e.min.js",
        ] {
            assert!(is_hashed(name), "{name}");
        }
        for name in [
            "app.js",
            "service-worker.js",
            "icon-512.png",
            "apple-touch-icon.png",
            "my-component.js",
            "app-userProfile.js",
            "jquery-3.7.1.js",
            "README",
            "page-20251120.html.txt",
        ] {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
