//! `memory`: how much a roll-up of 100,000 new updates takes, in a process that does nothing else; and one of arrays of
//! zeros, which nothing is larger than beside its text.

use super::number::{Number, exact};
use super::past::{Past, TASKS};
use super::sample::{author, task};
use super::site::{Scratch, Site, cannot};
use crate::context::Context;
use crate::exit::Outcome;
use crate::human;
use icecore_core::plan::KeyClock;
use icecore_core::{Error, Key, ObjectKey, Result, Seq, SpaceName, Update, UpdateObject};
use icecore_store::publish::publish;
use icecore_store::rollup::{RollupOptions, roll_up_warm};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::ffi::OsStr;
use std::path::Path;

const NAME: &str = "memory";
const UPDATES: u64 = 100_000;
const AUTHORS: u64 = 64;
const ALLOWANCE: u64 = 64 * 1024 * 1024;
/// Arrays of zeros, one in an update, as many of these as the memory of a small machine holds.
const ARRAYS: u64 = 16;
const ZEROS: u64 = 400_000;

/// What the process that rolls up takes.
#[derive(Debug, clap::Args)]
pub(crate) struct RollupArgs {
    space: SpaceName,
}

/// What it tells at its end.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    /// The most memory that was ever resident, in bytes.
    peak: u64,
    updates: u64,
    segments: u64,
    /// The bytes of the state's JSON after it.
    state: u64,
}

/// Makes the updates, one object each, and rolls them up in a process of its own.
pub(super) async fn memory(context: &Context) -> Result<Vec<Number>> {
    let scratch = Scratch::new(context)?;
    let folder = scratch.path("store");
    let past = Past::write(&folder, TASKS, context).await?;
    write_updates(&folder, &past, context)?;
    let told = rolled_up(&folder, &past.info.space).await?;
    if told.updates != UPDATES {
        return Err(Error::internal(format!(
            "BUG: {} updates were rolled up",
            told.updates
        )));
    }
    let limit = 3 * told.state + ALLOWANCE;
    let detail = format!(
        "{} at most, limit {}; state {}, {} segments",
        human::bytes(told.peak),
        human::bytes(limit),
        human::bytes(told.state),
        told.segments
    );
    let what = "peak of a roll-up of 100,000 new updates / (3 × state + 64 MiB)";
    let peak = Number::new(NAME, what, exact(told.peak) / exact(limit), "×");
    Ok(vec![
        peak.at_most(1.0).detail(detail),
        arrays(&scratch, context).await?,
    ])
}

/// What an element of an array of zeros takes, all in all: in the state, and in what a roll-up does with it.
async fn arrays(scratch: &Scratch, context: &Context) -> Result<Number> {
    let folder = scratch.path("arrays");
    let site = Site::in_folder(&folder, context).await?;
    let info = site.space().await?;
    for n in 0..ARRAYS {
        let zeros = vec!["0"; usize::try_from(ZEROS).unwrap_or(0)].join(",");
        let data = RawValue::from_string(format!("{{\"{n}\":[{zeros}]}}"));
        let data = data.map_err(|e| Error::internal("BUG: no JSON").with_source(e))?;
        let update = Update::new(context.clock.now(), "merge", &data, None)?;
        let object = UpdateObject::new(author(n), Seq::new(1)?, vec![update]);
        publish(&site.store, &info, &object, &mut KeyClock::default()).await?;
    }
    let told = rolled_up(&folder, &info.space).await?;
    if told.updates != ARRAYS {
        return Err(Error::internal(format!(
            "BUG: {} updates were rolled up",
            told.updates
        )));
    }
    let detail = format!(
        "{} at most for {} million elements; state {}",
        human::bytes(told.peak),
        exact(ARRAYS * ZEROS) / 1e6,
        human::bytes(told.state),
    );
    let what = "peak of a roll-up of arrays of zeros, for each element";
    let number = Number::new(
        NAME,
        what,
        exact(told.peak) / exact(ARRAYS * ZEROS),
        "bytes",
    );
    Ok(number.detail(detail))
}

/// One file each, without an fsync: how they are written is not measured here.
fn write_updates(folder: &Path, past: &Past, context: &Context) -> Result<()> {
    let updates = folder.join(ObjectKey::updates(&past.info.space, past.info.epoch));
    std::fs::create_dir_all(&updates).map_err(|e| cannot("create", &updates, e))?;
    let now = u64::try_from(context.clock.now()).unwrap_or(0);
    for n in 0..UPDATES {
        // Other authors than those of the past.
        let author = author(1_000 + n % AUTHORS);
        let object = UpdateObject::new(
            author,
            Seq::new(n / AUTHORS + 1)?,
            vec![task(TASKS + n * 7, TASKS)?],
        );
        let path = updates.join(format!("{:#}", Key::new(now - UPDATES + n)?));
        std::fs::write(&path, object.to_json()).map_err(|e| cannot("write", &path, e))?;
    }
    Ok(())
}

async fn rolled_up(folder: &Path, space: &SpaceName) -> Result<Told> {
    let arguments = [
        space.as_str().as_ref(),
        "--store".as_ref(),
        folder.as_os_str(),
    ];
    in_a_process(folder, "bench-rollup", &arguments).await
}

/// What a hidden command of this program tells, run in a process that does nothing else; `folder` is what an error names.
pub(super) async fn in_a_process<T: DeserializeOwned>(
    folder: &Path,
    command: &str,
    arguments: &[&OsStr],
) -> Result<T> {
    let program = std::env::current_exe().map_err(|e| cannot("find", folder, e))?;
    let output = tokio::process::Command::new(program)
        .arg(command)
        .args(arguments)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .map_err(|e| cannot("start", folder, e))?
        .wait_with_output()
        .await
        .map_err(|e| cannot("run", folder, e))?;
    serde_json::from_slice(&output.stdout).map_err(|e| {
        let ended = format!("`{command}` of the benchmark ended with {}", output.status);
        Error::internal(ended).with_source(e)
    })
}

/// The process that rolls up, and tells what it took.
pub(crate) async fn run_process(args: &RollupArgs, context: &Context) -> Outcome {
    let url = context.store_url().unwrap_or_default();
    let site = Site::open(url, context, &context.clock).await?;
    let options = RollupOptions {
        full: true,
        now: true,
        ..RollupOptions::default()
    };
    let mut warm = None;
    let report = roll_up_warm(&site.store, &args.space, &options, &mut warm).await?;
    let peak = peak()?;
    let state = warm
        .map_or(Ok(Vec::new()), |warm| warm.base.folded.state_json())?
        .len() as u64;
    let told = Told {
        peak,
        updates: report.updates,
        segments: report.segments,
        state,
    };
    context.out.line(crate::output::json_line(&told)?)
}

/// The most that was ever resident of this process, in bytes: the kernel keeps it.
pub(super) fn peak() -> Result<u64> {
    told("VmHWM:")
}

/// What is resident of this process, in bytes.
pub(super) fn resident() -> Result<u64> {
    told("VmRSS:")
}

fn told(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib: Option<u64> =
        line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| Error::invalid("this system does not tell how much memory a process took"))
}
