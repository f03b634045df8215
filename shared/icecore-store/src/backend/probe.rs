//! Does this back end do what every promise of icecore rests on?

use super::{from_object_store, is_already_exists, is_conditional_conflict};
use crate::ports::{Clock, Ids};
use futures::future::join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use icecore_core::{Error, Result};
use object_store::path::Path;
use object_store::{
    Error as StoreError, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult,
    UpdateVersion,
};
use serde::Serialize;
use std::time::Duration;

/// A server that checks first and then writes, without a lock, lets a race be won twice only now and then, so it is run
/// often: one that fails in every second round is let through once in 256 probes.
const ROUNDS: usize = 8;
const WRITERS: usize = 20;

/// A conflict that the server asks to retry (409) settles in milliseconds.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(100);

const HINT: &str = "use a back end with conditional writes: S3, GCS, Azure, a local folder, or a server that \
     implements If-None-Match and If-Match on PUT atomically; a newer version of this one may";

/// What a probe found; there is one only for a back end that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeReport {
    /// Races that were run, each with exactly one winner.
    pub rounds: usize,
    /// Writers in each race.
    pub writers: usize,
    /// Whether an unchanged object is answered with "not modified".
    pub conditional_get: bool,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// What works but costs more than it should, or could not be cleaned up.
    pub warnings: Vec<String>,
}

/// Checks that the back end honours conditional writes, also when they race, and shows what was written.
///
/// It makes about 170 conditional writes to 11 keys under a random name in `prefix` and deletes what it wrote.
///
/// # Errors
/// `Invalid` if conditional writes are ignored, or broken by a race: acknowledged updates would be lost.
/// Otherwise what the back end reports: `Denied`, `Unavailable`, `NotFound`.
pub async fn probe(
    store: &dyn ObjectStore,
    prefix: &Path,
    clock: &dyn Clock,
    ids: &dyn Ids,
) -> Result<ProbeReport> {
    let start = clock.monotonic();
    let root = prefix.clone().join(format!("probe-{:032x}", ids.random()));
    let prober = Prober { store, clock, root };
    let outcome = prober.run().await;
    let cleaned = prober.clean_up().await;
    let conditional_get = outcome?;
    let mut warnings = Vec::new();
    if !conditional_get {
        warnings
            .push("conditional reads are ignored: every poll pays for the whole head".to_owned());
    }
    if let Err(error) = cleaned {
        warnings.push(format!(
            "objects of the check were left under {}: {error}",
            prober.root
        ));
    }
    let elapsed = clock.monotonic().saturating_sub(start);
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    Ok(ProbeReport {
        rounds: ROUNDS,
        writers: WRITERS,
        conditional_get,
        elapsed_ms,
        warnings,
    })
}

struct Prober<'a> {
    store: &'a dyn ObjectStore,
    clock: &'a dyn Clock,
    root: Path,
}

/// What became of a conditional put.
enum Outcome {
    Written(PutResult),
    Refused,
}

impl Prober<'_> {
    async fn run(&self) -> Result<bool> {
        self.check_put_if_absent().await?;
        self.check_update().await?;
        for round in 0..ROUNDS {
            self.check_race(round).await?;
        }
        self.check_listing().await?;
        self.check_conditional_get().await
    }

    async fn check_put_if_absent(&self) -> Result<()> {
        let path = self.root.clone().join("absent");
        if let Outcome::Refused = self.put(&path, "first", PutMode::Create).await? {
            return Err(self.unfit("refuses to create a new object"));
        }
        if let Outcome::Written(_) = self.put(&path, "second", PutMode::Create).await? {
            return Err(self.ignored("a second put-if-absent on one key was accepted"));
        }
        self.expect_body(&path, "first").await
    }

    async fn check_update(&self) -> Result<()> {
        let path = self.root.clone().join("update");
        let Outcome::Written(first) = self.put(&path, "1", PutMode::Create).await? else {
            return Err(self.unfit("refuses to create a new object"));
        };
        let first = version(first);
        let update = PutMode::Update(first.clone());
        let Outcome::Written(second) = self.put(&path, "2", update).await? else {
            return Err(self.unfit("refuses an update whose If-Match names the current version"));
        };
        let second = version(second);
        if first == second {
            return Err(self.unfit("gives two versions of an object the same tag"));
        }
        if let Outcome::Written(_) = self.put(&path, "3", PutMode::Update(first)).await? {
            return Err(self.ignored("an update of a version that was replaced was accepted"));
        }
        self.expect_body(&path, "2").await?;
        let missing = self.root.clone().join("missing");
        if let Outcome::Written(_) = self.put(&missing, "1", PutMode::Update(second)).await? {
            return Err(self.ignored("an update of an object that does not exist was accepted"));
        }
        Ok(())
    }

    /// All writers at once on one key: one wins, and it is the winner's bytes that stay.
    async fn check_race(&self, round: usize) -> Result<()> {
        let path = self.root.clone().join(format!("race-{round}"));
        let bodies: Vec<String> = (0..WRITERS).map(|n| format!("writer {n}")).collect();
        let puts = bodies
            .iter()
            .map(|body| self.put(&path, body, PutMode::Create));
        let mut winners = Vec::new();
        for (body, outcome) in bodies.iter().zip(join_all(puts).await) {
            if let Outcome::Written(_) = outcome? {
                winners.push(body.as_str());
            }
        }
        match winners.as_slice() {
            [winner] => self.expect_body(&path, winner).await,
            // The HTTP client repeats a request whose answer was lost, and is then told that the key is
            // taken, by itself.
            [] => {
                let found = self.read(&path).await?;
                let is_ours = bodies.contains(&found);
                let why = "an object appeared that no writer was told to have written";
                if is_ours {
                    Ok(())
                } else {
                    Err(self.unfit(why))
                }
            }
            winners => {
                let count = winners.len();
                Err(self.ignored(&format!("{count} of {WRITERS} writers at once were told that they alone had written a key")))
            }
        }
    }

    async fn check_listing(&self) -> Result<()> {
        let listed = self.list().await?;
        let missing = (0..ROUNDS)
            .map(|round| self.root.clone().join(format!("race-{round}")))
            .find(|path| !listed.contains(path));
        match missing {
            Some(_) => Err(self.unfit("does not list objects that were just written")),
            None => Ok(()),
        }
    }

    async fn check_conditional_get(&self) -> Result<bool> {
        let path = self.root.clone().join("absent");
        let meta = self.store.head(&path).await.map_err(|e| self.failed(e))?;
        let options = GetOptions {
            if_none_match: meta.e_tag,
            ..GetOptions::default()
        };
        match self.store.get_opts(&path, options).await {
            Ok(_) => Ok(false),
            Err(StoreError::NotModified { .. }) => Ok(true),
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn put(&self, path: &Path, body: &str, mode: PutMode) -> Result<Outcome> {
        let mut tries = 1;
        loop {
            let options = PutOptions::from(mode.clone());
            match self
                .store
                .put_opts(path, body.to_owned().into(), options)
                .await
            {
                Ok(result) => return Ok(Outcome::Written(result)),
                Err(error) if is_already_exists(&error) => return Ok(Outcome::Refused),
                Err(error) if is_conditional_conflict(&error) && tries < TRIES => {}
                Err(
                    error @ (StoreError::NotImplemented { .. } | StoreError::NotSupported { .. }),
                ) => {
                    return Err(self
                        .ignored("conditional writes are not supported")
                        .with_source(error));
                }
                Err(error) => return Err(self.failed(error)),
            }
            tries += 1;
            self.clock.sleep(PAUSE).await;
        }
    }

    async fn expect_body(&self, path: &Path, expected: &str) -> Result<()> {
        let found = self.read(path).await?;
        if found == expected {
            return Ok(());
        }
        Err(self.ignored("a refused write replaced an object all the same"))
    }

    async fn read(&self, path: &Path) -> Result<String> {
        let result = match self.store.get(path).await {
            Ok(result) => result,
            Err(StoreError::NotFound { .. }) => {
                return Err(self.unfit("does not return an object that was just written"));
            }
            Err(error) => return Err(self.failed(error)),
        };
        let bytes = result.bytes().await.map_err(|e| self.failed(e))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn list(&self) -> Result<Vec<Path>> {
        let objects = self
            .store
            .list(Some(&self.root))
            .map_ok(|meta| meta.location);
        objects.try_collect().await.map_err(|e| self.failed(e))
    }

    async fn clean_up(&self) -> Result<()> {
        let paths = stream::iter(self.list().await?.into_iter().map(Ok)).boxed();
        let deleted: std::result::Result<Vec<_>, _> =
            self.store.delete_stream(paths).try_collect().await;
        deleted.map(drop).map_err(|e| self.failed(e))
    }

    fn failed(&self, error: StoreError) -> Error {
        from_object_store(error, "check the back end", self.root.as_ref())
    }

    fn ignored(&self, how: &str) -> Error {
        let message = format!(
            "this back end ignores conditional writes ({how}): acknowledged updates would be lost"
        );
        Error::invalid(message)
            .with_object(self.root.as_ref())
            .with_hint(HINT)
    }

    fn unfit(&self, how: &str) -> Error {
        let message = format!("this back end {how}: a store on it could not be trusted");
        Error::invalid(message)
            .with_object(self.root.as_ref())
            .with_hint(HINT)
    }
}

fn version(result: PutResult) -> UpdateVersion {
    UpdateVersion {
        e_tag: result.e_tag,
        version: result.version,
    }
}
