//! After the power cut: the disk is mounted again, and everything that was said must be true.

use super::disk::{self, Disk, Unsynced};
use super::lives;
use super::log::Event;
use super::recorder::place;
use icecore_core::model::log::State;
use icecore_core::{Folded, Update};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::verify::verify;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a user was told before the power failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    /// By replica: made there, and safe.
    queued: BTreeMap<String, BTreeSet<String>>,
    /// In the store.
    stored: BTreeSet<String>,
    /// By object: what it is now.
    is: BTreeMap<String, String>,
    gone: BTreeSet<String>,
    /// Something failed, and was told.
    pub(crate) failed: bool,
}

impl Told {
    fn hear(&mut self, said: &str) {
        for line in said.lines() {
            let Some(line) = line.strip_prefix("said ") else {
                continue; // The test harness says something too.
            };
            let (word, rest) = line.split_once(' ').unwrap();
            let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
            match word {
                "queued" => {
                    let queued = self.queued.entry(name.to_owned()).or_default();
                    queued.insert(text.to_owned());
                }
                "empty" => {
                    let all = self.queued.get(name).cloned().unwrap_or_default();
                    self.stored.extend(all);
                }
                "stored" => {
                    self.gone.remove(name);
                    self.stored.insert(name.to_owned());
                }
                "is" => drop(self.is.insert(name.to_owned(), text.to_owned())),
                // From now on it may be there or not.
                "leaves" => {
                    self.stored.remove(name);
                    self.is.remove(name);
                }
                "gone" => drop(self.gone.insert(name.to_owned())),
                // It may come back from now on.
                "comes" => drop(self.gone.remove(name)),
                "failed" => self.failed = true,
                _ => panic!("{line}"),
            }
        }
    }

    fn all_queued(&self) -> impl Iterator<Item = &String> {
        self.queued.values().flatten()
    }
}

/// Everything that was said in these events.
pub(crate) fn told(events: &[Event]) -> Told {
    let mut told = Told::default();
    for event in events {
        if let Event::Said(text) = event {
            told.hear(text);
        }
    }
    told
}

/// How many disks were looked at, and what was not true on one.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) disks: usize,
    pub(crate) broken: Vec<String>,
}

/// A promise that is not kept, and the paths of what was found.
type Broken = Result<(), String>;

/// Which disks are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cuts {
    /// The power fails after this event at the earliest.
    pub(crate) from: usize,
    /// Beside the worst cases, so many disks at each fsync on which some of what was not synced is there.
    pub(crate) random: u64,
    /// Stop at the first promise that is broken.
    pub(crate) first_only: bool,
}

/// Cuts the power before and after each fsync, and after each thing said, and looks at every disk that can be left.
pub(crate) fn cut_everywhere(
    events: &[Event],
    cuts: Cuts,
    check: impl Fn(&Path, &Told) -> Broken,
) -> Verdict {
    let (mut disk, mut told) = (Disk::default(), Told::default());
    let mut seen = BTreeSet::new();
    let mut verdict = Verdict::default();
    for (number, event) in events.iter().enumerate() {
        disk.apply(event);
        if let Event::Said(text) = event {
            told.hear(text);
        }
        // Nothing becomes durable, and nothing is promised, in between.
        let next_is_sync = matches!(events.get(number + 1), Some(Event::Synced { .. }) | None);
        let decisive = next_is_sync || matches!(event, Event::Synced { .. } | Event::Said(_));
        if number < cuts.from || !decisive {
            continue;
        }
        let mut ways = vec![Unsynced::Lost, Unsynced::NamesKept];
        if next_is_sync {
            let seed = number as u64 * 1_000;
            ways.push(Unsynced::Kept);
            ways.extend((0..cuts.random).map(|n| Unsynced::Some(seed + n)));
        }
        for unsynced in ways {
            let files = disk.after(unsynced);
            if !seen.insert((files.clone(), told.clone())) {
                continue;
            }
            verdict.disks += 1;
            let folder = place();
            disk::write(&files, folder.path());
            if let Err(broken) = check(folder.path(), &told) {
                let names: Vec<_> = files.keys().collect();
                verdict.broken.push(format!(
                    "power cut after event {number}, unsynced {unsynced:?}: {broken}\ndisk: {names:?}"
                ));
                if cuts.first_only {
                    return verdict;
                }
            }
        }
    }
    verdict
}

/// A store and replicas that are opened again with the real code.
pub(crate) fn replicas(root: &Path, told: &Told) -> Broken {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stored = state_of_store(root).await;
        let found = stored.clone().unwrap_or_default();
        for item in &told.stored {
            if !found.contains(item) {
                return Err(format!("{item} was acknowledged; in the store: {stored:?}"));
            }
        }
        for (name, queued) in &told.queued {
            let mut replica = opened(root, name)?;
            let pending = pending(&replica)?;
            for item in queued {
                if !pending.contains(item) && !found.contains(item) {
                    return Err(format!(
                        "{item} was queued by {name}; pending {pending:?}, stored {stored:?}"
                    ));
                }
            }
            if stored.is_ok() {
                replica.sync().await.map_err(|e| format!("{name}: {e:?}"))?;
            }
        }
        match stored {
            Ok(_) => in_the_end(root, told).await,
            Err(_) => Ok(()),
        }
    })
}

fn opened(root: &Path, name: &str) -> Result<SpaceReplica, String> {
    let folder = root.join("replicas").join(name);
    let replica = Replica::open(lives::open(root), &folder);
    let space = replica.and_then(|replica| replica.space(&lives::space()));
    space.map_err(|e| format!("the replica {name} cannot be opened: {e:?}"))
}

fn pending(replica: &SpaceReplica) -> Result<BTreeSet<String>, String> {
    let pending = replica.pending(usize::MAX).map_err(|e| e.to_string())?;
    Ok(pending.iter().map(|p| text(&p.update)).collect())
}

fn text(update: &Update) -> String {
    let value: serde_json::Value = serde_json::from_str(update.as_text()).unwrap();
    value["data"].as_str().unwrap().to_owned()
}

/// What a device that comes new sees.
async fn state_of_store(root: &Path) -> Result<Vec<String>, String> {
    let replica = Replica::in_memory(lives::open(root)).unwrap();
    let mut space = replica.space(&lives::space()).unwrap();
    space.sync().await.map_err(|e| format!("{e:?}"))?;
    Ok(items(&space.state().map_err(|e| format!("{e:?}"))?))
}

fn items(folded: &Folded) -> Vec<String> {
    let state: &State = folded.state().downcast_ref().unwrap();
    let texts = state.entries().iter().map(|entry| entry.data.as_str());
    texts.map(|text| text.unwrap().to_owned()).collect()
}

/// Once all replicas have synced, everything that was queued is there, once, and the history is good.
async fn in_the_end(root: &Path, told: &Told) -> Broken {
    let found = state_of_store(root).await?;
    let once: BTreeSet<_> = found.iter().collect();
    if once.len() != found.len() {
        return Err(format!("something counts twice: {found:?}"));
    }
    if let Some(lost) = told.all_queued().find(|item| !once.contains(item)) {
        return Err(format!("{lost} was queued and never arrived: {found:?}"));
    }
    let report = verify(&lives::open(root), &lives::space(), &mut |_, _| {}).await;
    match report {
        Ok(report) if report.problems.is_empty() => Ok(()),
        other => Err(format!("verify: {other:?}")),
    }
}

/// The objects of a folder, as files.
pub(crate) fn objects(root: &Path, told: &Told) -> Broken {
    let read = |key: &str| std::fs::read_to_string(root.join("store").join(key)).ok();
    for key in &told.stored {
        if read(key) != Some(lives::body(key)) {
            return Err(format!("{key} was stored; now it is {:?}", read(key)));
        }
    }
    for (key, text) in &told.is {
        let now = read(key);
        // What is being written next may be there already; each sorts after the one before.
        if now.as_ref() < Some(text) {
            return Err(format!("{key} was {text:?}; now it is {now:?}"));
        }
    }
    let back = told.gone.iter().find(|key| read(key).is_some());
    back.map_or(Ok(()), |key| Err(format!("{key} was deleted and is back")))
}
