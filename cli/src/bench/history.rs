//! `history`: opening a space with a long history, beside a raw read, unpack and JSON parse of its snapshot's
//! bytes; and the same with ten times the history.

use super::BenchArgs;
use super::number::Number;
use super::past::{Past, UPDATES_PER_ROLLUP};
use super::site::{Scratch, Site, cannot};
use super::timing::{Times, ratio, show, time, time_of};
use crate::context::Context;
use crate::human;
use flate2::read::GzDecoder;
use icecore_core::{Epoch, Error, ObjectKey, Result, SpaceName};
use icecore_store::Reader;
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};

const NAME: &str = "history";
const ROUNDS: usize = 15;

/// A history that is there to be opened.
struct Case {
    folder: PathBuf,
    past: Past,
    opening: Times,
    floor: Times,
}

/// With `--slow` also ten times the history.
pub(super) async fn history(context: &Context, args: &BenchArgs) -> Result<Vec<Number>> {
    let scratch = Scratch::new(context)?;
    let mut cases = vec![Case::write(scratch.path("once"), args.history, context).await?];
    if args.slow {
        let tenfold = args.history.saturating_mul(10);
        cases.push(Case::write(scratch.path("tenfold"), tenfold, context).await?);
    }
    measure(&mut cases, context).await?;
    let mut numbers = Vec::new();
    for case in &cases {
        numbers.push(case.number()?.at_most(1.5));
    }
    if let [once, tenfold] = cases.as_slice() {
        let (tenfold, once) = (tenfold.opening.median(), once.opening.median());
        let what = "opening with ten times the history / opening";
        let detail = format!("{} against {}", show(tenfold), show(once));
        numbers.push(
            Number::new(NAME, what, ratio(tenfold, once), "×")
                .at_most(1.1)
                .detail(detail),
        );
    }
    // Just before the next snapshot there is most to fold.
    cases.truncate(1);
    cases[0].fill_up().await?;
    measure(&mut cases, context).await?;
    numbers.push(cases[0].number()?);
    Ok(numbers)
}

async fn measure(cases: &mut [Case], context: &Context) -> Result<()> {
    for case in &mut *cases {
        (case.opening, case.floor) = Default::default();
    }
    for _ in 0..ROUNDS {
        for case in &mut *cases {
            case.measure(context).await?;
        }
    }
    Ok(())
}

impl Case {
    async fn write(folder: PathBuf, updates: u64, context: &Context) -> Result<Self> {
        let past = Past::write(&folder, updates, context).await?;
        let (opening, floor) = Default::default();
        Ok(Self {
            folder,
            past,
            opening,
            floor,
        })
    }

    /// Rolls up as much as goes without another snapshot, as far as the last segment foretells.
    async fn fill_up(&mut self) -> Result<()> {
        let last = size(&self.newest(ObjectKey::segments)?)? / UPDATES_PER_ROLLUP;
        let snapshot = size(&self.newest(ObjectKey::snapshots)?)?;
        self.past.add(snapshot / 5 / last.max(1)).await
    }

    async fn measure(&mut self, context: &Context) -> Result<()> {
        let clock = &*context.clock;
        let snapshot = self.newest(ObjectKey::snapshots)?;
        let (floor, parsed) = time_of(clock, || parse(&snapshot));
        drop(parsed?);
        let site = Site::in_folder(&self.folder, context).await?;
        let (opening, reader) = time(clock, Reader::open(&site.store, &self.past.info.space)).await;
        let reader = reader?;
        if reader.base.count != self.past.updates || !reader.tail.is_empty() {
            return Err(Error::internal(
                "BUG: the history that was opened is another one",
            ));
        }
        self.opening.add(opening);
        self.floor.add(floor);
        Ok(())
    }

    /// The newest object in a folder of the space.
    fn newest(&self, folder: impl Fn(&SpaceName, Epoch) -> String) -> Result<PathBuf> {
        let info = &self.past.info;
        let folder = self.folder.join(folder(&info.space, info.epoch));
        let entries = std::fs::read_dir(&folder).map_err(|e| cannot("list", &folder, e))?;
        let newest = entries.filter_map(|entry| Some(entry.ok()?.path())).max();
        newest.ok_or_else(|| Error::internal("BUG: a history without segments or snapshots"))
    }

    fn number(&self) -> Result<Number> {
        let snapshot = self.newest(ObjectKey::snapshots)?;
        let name = snapshot
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let generation = name.and_then(|name| name.parse().ok()).unwrap_or(0);
        let since = self.past.generations.saturating_sub(generation);
        let what = format!(
            "opening {} updates / raw read and parse of the snapshot",
            grouped(self.past.updates)
        );
        let detail = format!(
            "{} against {}; {} generations, {} since the snapshot; state {}, snapshot {}",
            show(self.opening.median()),
            show(self.floor.median()),
            self.past.generations,
            since,
            human::bytes(parse(&snapshot)?.1 as u64),
            human::bytes(size(&snapshot)?),
        );
        Ok(Number::new(
            NAME,
            what,
            ratio(self.opening.median(), self.floor.median()),
            "×",
        )
        .detail(detail))
    }
}

fn size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path)
        .map_err(|e| cannot("find", path, e))?
        .len())
}

fn grouped(count: u64) -> String {
    if count.is_multiple_of(1_000_000) {
        format!("{} M", count / 1_000_000)
    } else {
        count.to_string()
    }
}

/// Reads the file, unpacks it and parses each of its lines; returns the longest, which is the state, and its
/// bytes.
fn parse(snapshot: &Path) -> Result<(Value, usize)> {
    let stored = std::fs::read(snapshot).map_err(|e| cannot("read", snapshot, e))?;
    let mut json = Vec::new();
    GzDecoder::new(&stored[..])
        .read_to_end(&mut json)
        .map_err(|e| cannot("unpack", snapshot, e))?;
    let mut longest = (Value::Null, 0);
    for line in json
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let value = serde_json::from_slice(line).map_err(|e| {
            Error::corrupt("a snapshot of the benchmark does not parse").with_source(e)
        })?;
        if line.len() > longest.1 {
            longest = (value, line.len());
        }
    }
    Ok(longest)
}
