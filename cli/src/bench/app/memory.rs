//! Row 11: the memory of a replica that was opened from its own disk, in a process that does nothing else.

use super::NAME;
use super::ground::{Filled, Grounds, LARGE, RECORDS, SMALL};
use super::records::{Book, Msg};
use crate::bench::memory::in_a_process;
use crate::bench::number::{Number, exact};
use crate::context::Context;
use crate::exit::Outcome;
use crate::human;
use icecore::{Place, Replica};
use icecore_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Ten times the records: 100 MB of state.
const MANY: u32 = 100_000;

/// What the process that opens a replica takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplicaArgs {
    space: String,
    device: PathBuf,
}

/// What it tells at its end, in bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    /// Resident before anything was opened.
    before: u64,
    /// Resident once the replica was opened.
    opened: u64,
    /// The most that was ever resident until then.
    opening: u64,
    /// The most after an update, while the state before it was held.
    updating: u64,
    /// The state's JSON.
    state: u64,
}

pub(super) async fn memory(grounds: &Grounds) -> Result<Vec<Number>> {
    let site = grounds.folder();
    let store = grounds.scratch.path("store");
    let mut numbers = Vec::new();
    for (records, bytes) in [(RECORDS, SMALL), (RECORDS, LARGE), (MANY, LARGE)] {
        let device = |who: &str| {
            grounds
                .scratch
                .path(&format!("memory-{records}-{bytes}-{who}"))
        };
        let size = (records, bytes);
        let filled = Filled::write(&site.store, device("writer"), size, 1).await?;
        drop(filled.other(&site.store, &device("reader")).await?);
        let device = device("reader");
        let arguments = [
            filled.space.as_ref(),
            device.as_os_str(),
            "--store".as_ref(),
            store.as_os_str(),
        ];
        let told: Told = in_a_process(&device, "bench-replica", &arguments).await?;
        let detail = format!(
            "{} resident, {} at most while it opened, {} at most with an update; {} before; state {}",
            human::bytes(told.opened),
            human::bytes(told.opening),
            human::bytes(told.updating),
            human::bytes(told.before),
            human::bytes(told.state)
        );
        let what = format!(
            "11: memory of a replica, {} / its state's JSON",
            filled.what()
        );
        let more = told.opened.saturating_sub(told.before);
        let number = Number::new(NAME, what, exact(more) / exact(told.state), "×");
        numbers.push(number.detail(detail));
    }
    Ok(numbers)
}

/// The process that opens a replica, and tells what it took.
pub(crate) async fn run_process(args: &ReplicaArgs, context: &Context) -> Outcome {
    let before = crate::bench::memory::resident()?;
    let place = Place::on(context.store()?).with_replica(&args.device);
    let replica = Replica::open(Book, &place, &args.space).await?;
    let (opened, opening) = (
        crate::bench::memory::resident()?,
        crate::bench::memory::peak()?,
    );
    let held = replica.state();
    replica.update(Msg::put(1, 1, SMALL)).await?;
    let updating = crate::bench::memory::peak()?;
    let state = serde_json::to_vec(&*held)
        .map_err(|e| Error::internal("BUG: a state has a JSON form").with_source(e))?;
    let told = Told {
        before,
        opened,
        opening,
        updating,
        state: state.len() as u64,
    };
    context.out.line(crate::output::json_line(&told)?)
}
