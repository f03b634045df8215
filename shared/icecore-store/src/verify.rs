//! Verifying: the history is folded again from the first segment, and everything stored is held against it.

mod updates;

use crate::adopt::is_conflict_copy;
use crate::reader::base::{Layers, fold, list_layers, read_segment};
use crate::store::Store;
use icecore_core::{
    Base, Error, Generation, Newer, ObjectKey, Result, Segment, Snapshot, SpaceInfo, SpaceName,
    invariants,
};
use serde::Serialize;
use updates::StoredUpdates;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The path of the object at fault.
    pub object: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    fn of(object: String, error: &Error) -> Self {
        let object = error.object().map_or(object, str::to_owned);
        let source = std::error::Error::source(error)
            .map(|s| format!(": {s}"))
            .unwrap_or_default();
        let mut message = error.to_string();
        if let Some(at) = message.find(&format!(" ({object})")) {
            message.truncate(at);
        }
        Self {
            object,
            message: message + &source,
            hint: error.hint().map(str::to_owned),
        }
    }
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The newest generation.
    pub generation: Generation,
    /// Segments folded.
    pub segments: u64,
    /// Updates in them.
    pub updates: u64,
    /// Snapshots compared byte for byte.
    pub snapshots: u64,
    /// Snapshots of an older version of the model: only what they cover was compared.
    pub snapshots_of_older_models: u64,
    /// Snapshots whose state cannot be read here, without a key or the model: only what they cover was compared.
    pub snapshots_unread: u64,
    /// The version of the model that the space needs, where this program has an older one: no state was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_version: Option<u32>,
    /// Update objects still stored that are covered, each compared with its segment.
    pub covered_objects: u64,
    /// Update objects that wait to be rolled up.
    pub waiting_objects: u64,
    /// What lies in quarantine; reported, no failure.
    pub quarantined: Vec<String>,
    /// Updates that are missing for good: later ones of their authors were rolled up without them. Reported, no failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What is wrong; empty means that everything fits.
    pub problems: Vec<Problem>,
}

/// Called with (done, all) after each segment.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// Verifies the current epoch of a space.
///
/// # Errors
/// `NotFound`, `Unavailable` or `Denied`. What is wrong with the store is no error but a problem of the report.
pub async fn verify(
    store: &Store,
    space: &SpaceName,
    progress: Progress<'_>,
) -> Result<VerifyReport> {
    let info = store.space(space).await?.info;
    let content = store.content(&info)?;
    let mut verifier = Verifier {
        store,
        info: &info,
        base: Base::initial(&info, content),
        report: VerifyReport::default(),
    };
    let stored = verifier.read_updates().await?;
    let layers = list_layers(store, &info, Generation::ZERO).await?;
    verifier.chain(&layers, stored, progress).await?;
    verifier.strays().await?;
    Ok(verifier.report)
}

/// What a snapshot turned out to be.
enum Compared {
    Same,
    OlderModel,
    Unread,
}

struct Verifier<'a> {
    store: &'a Store,
    info: &'a SpaceInfo,
    base: Base,
    report: VerifyReport,
}

impl Verifier<'_> {
    fn problem(&mut self, object: String, error: &Error) {
        self.report.problems.push(Problem::of(object, error));
    }

    fn segment_path(&self, generation: Generation) -> String {
        ObjectKey::Segment(self.info.space.clone(), self.info.epoch, generation).to_string()
    }

    fn snapshot_path(&self, generation: Generation) -> String {
        ObjectKey::Snapshot(self.info.space.clone(), self.info.epoch, generation).to_string()
    }

    /// Folds all segments in order; after each, its snapshot, if there is one, must hold what was folded.
    async fn chain(
        &mut self,
        layers: &Layers,
        mut stored: StoredUpdates,
        progress: Progress<'_>,
    ) -> Result<()> {
        let last = layers
            .segments
            .keys()
            .next_back()
            .copied()
            .unwrap_or_default();
        let mut broken = false;
        let mut generation = Generation::ZERO;
        while generation < last {
            generation = generation.saturating_add(1);
            match self.segment(generation).await {
                Ok(segment) => {
                    stored.compare(&segment, &self.base, &mut self.report);
                    let path = self.segment_path(generation);
                    stored.check_order(&segment, &path, &self.base, &mut self.report);
                    if let Err(error) = self.fold(&segment) {
                        self.problem(self.segment_path(generation), &error);
                        broken = true;
                    }
                }
                Err(error) if is_about_the_object(&error) => {
                    self.problem(self.segment_path(generation), &error);
                    broken = true;
                }
                Err(error) => return Err(error),
            }
            if broken {
                break;
            }
            self.report.segments += 1;
            if layers.snapshots.contains_key(&generation) {
                self.snapshot(generation).await?;
            }
            progress(generation.get(), last.get());
        }
        if let Err(error) = self.base.folded.check_consistent() {
            self.problem(self.segment_path(self.base.generation), &error);
        }
        self.report.generation = self.base.generation;
        self.report.updates = self.base.count;
        if broken {
            return Ok(()); // What follows cannot be judged: its base is not known.
        }
        for generation in layers.snapshots.keys().filter(|g| **g > last) {
            let error = Error::corrupt("a snapshot without the segments that it stands for");
            self.problem(self.snapshot_path(*generation), &error);
        }
        stored.finish(&self.base, self.info, &mut self.report);
        Ok(())
    }

    /// Without a state from where a newer version of the model wrote something: the chain is checked all the same.
    fn fold(&mut self, segment: &Segment) -> Result<()> {
        let error = match fold(self.info, &mut self.base, segment) {
            Err(error) => error,
            folded => return folded,
        };
        let Some(newer) = Newer::of(&error) else {
            return Err(error);
        };
        self.report.needs_version = Some(newer.needed);
        self.base.hold(newer.clone());
        fold(self.info, &mut self.base, segment)
    }

    async fn segment(&self, generation: Generation) -> Result<Segment> {
        Ok(read_segment(self.store, self.info, generation).await?.0)
    }

    /// A snapshot must be the bytes that the base of its generation packs to.
    async fn snapshot(&mut self, generation: Generation) -> Result<()> {
        let path = self.snapshot_path(generation);
        let key = ObjectKey::Snapshot(self.info.space.clone(), self.info.epoch, generation);
        let Some(got) = self.store.bucket.get(&key).await? else {
            return Ok(());
        };
        let checked = Snapshot::unpack(&got.bytes).and_then(|snapshot| {
            invariants::snapshot_of(&self.base, &snapshot.header)?;
            let content = self.base.folded.content();
            if !content.is_blind() && snapshot.header.model_version < content.model().version() {
                return Ok(Compared::OlderModel);
            }
            match self.base.is_snapshot(&snapshot)? {
                Some(true) => Ok(Compared::Same),
                None if content.is_blind() => Ok(Compared::Unread),
                None => Err(Error::corrupt("the snapshot is sealed under a key that the space does not have")
                    .with_hint("a key may have been made just now: verify again; else delete it, and readers go by the segments")),
                Some(false) => Err(Error::corrupt("the snapshot is not what its history gives")
                    .with_hint("delete it: the next roll-up writes one again, and readers go by the segments until then")),
            }
        });
        match checked {
            Ok(Compared::Same) => self.report.snapshots += 1,
            Ok(Compared::Unread) => self.report.snapshots_unread += 1,
            Ok(Compared::OlderModel) => self.report.snapshots_of_older_models += 1,
            Err(error) => self.problem(path, &error),
        }
        Ok(())
    }

    /// Everything else below the space must be an object of it.
    async fn strays(&mut self) -> Result<()> {
        let folder = ObjectKey::space(&self.info.space);
        let listed = self
            .store
            .bucket
            .list(&folder, None, |name| Some(name.to_owned()))
            .await?;
        for name in listed.into_iter().map(|l| l.key) {
            let path = format!("{folder}/{name}");
            match path.parse::<ObjectKey>() {
                Ok(ObjectKey::Quarantine(_, epoch, name)) if epoch == self.info.epoch => {
                    self.report.quarantined.push(name);
                }
                Ok(_) => {}
                Err(_) => {
                    let error = stray(&name);
                    self.problem(path, &error);
                }
            }
        }
        Ok(())
    }
}

/// What a file is that is no object. The copies that Dropbox and Syncthing make where two devices wrote one file hold what one
/// of them wrote, and nothing else may hold it.
fn stray(name: &str) -> Error {
    let file = name.rsplit('/').next().unwrap_or(name);
    if is_conflict_copy(file) {
        return Error::corrupt("a conflict copy of a program that synchronises folders")
            .with_hint("keep it: it may hold acknowledged updates that are nowhere else; stop that program for this folder, which icecore does not support (docs/providers.md), then `icecore adopt` takes in what it holds");
    }
    Error::corrupt("a file that is no object of icecore")
        .with_hint("move it elsewhere; readers and roll-ups leave it alone")
}

/// Whether an error says that an object is wrong, rather than that it could not be read just now.
fn is_about_the_object(error: &Error) -> bool {
    use icecore_core::ErrorKind as Kind;
    !matches!(
        error.kind(),
        Kind::Unavailable | Kind::Denied | Kind::Internal
    )
}
