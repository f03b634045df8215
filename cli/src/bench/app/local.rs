//! Rows 7 and 8: what an app asks for while it draws: an update that is durable here, and the state after it.

use super::NAME;
use super::ground::{Filled, Grounds, LARGE, RECORDS, SMALL};
use super::records::Msg;
use crate::bench::number::Number;
use crate::bench::site::cannot;
use crate::bench::timing::{Times, ratio, show, time, time_of};
use crate::context::Context;
use icecore_core::Result;
use std::fs::{File, OpenOptions};
use std::io::Write;

const WARM_UP: u64 = 5;
const ROUNDS: u64 = 100;
/// Updates between two syncs.
const SYNC_EVERY: u64 = 20;
const STATE_MICROS_MAX: f64 = 50.0;

pub(super) async fn local(grounds: &Grounds, context: &Context) -> Result<Vec<Number>> {
    let store = &grounds.folder().store;
    let mut numbers = Vec::new();
    for bytes in [SMALL, LARGE] {
        let device = grounds.scratch.path(&format!("local-{bytes}"));
        let filled = Filled::write(store, device, (RECORDS, bytes), 1).await?;
        let mut raw = Appended::new(&filled)?;
        let measured = in_turns(&filled, &mut raw, context).await?;
        numbers.extend(measured.numbers(&filled));
    }
    Ok(numbers)
}

#[derive(Default)]
struct Measured {
    state: Times,
    update: Times,
    /// While somebody holds the state before it.
    held: Times,
    floor: Times,
}

async fn in_turns(filled: &Filled, raw: &mut Appended, context: &Context) -> Result<Measured> {
    let clock = &*context.clock;
    let replica = &filled.writer;
    let mut measured = Measured::default();
    for n in 0..WARM_UP + ROUNDS {
        let id = u32::try_from(n * 97 % u64::from(RECORDS)).unwrap_or(0);
        let floor = raw.append(n, context)?;
        let (update, made) = time(clock, replica.update(Msg::put(id, n, SMALL))).await;
        made?;
        let (looking, state) = time_of(clock, || replica.state());
        // As an app does that draws it meanwhile.
        let msg = Msg::put(id, n + 1, filled.bytes);
        let (held, made) = time(clock, replica.update(msg)).await;
        made?;
        drop(state);
        if n >= WARM_UP {
            measured.floor.add(floor);
            measured.update.add(update);
            measured.state.add(looking);
            measured.held.add(held);
        }
        if n % SYNC_EVERY == 0 {
            replica.sync().await?;
        }
    }
    Ok(measured)
}

impl Measured {
    fn numbers(&self, filled: &Filled) -> [Number; 3] {
        let floor = self.floor.median();
        let against = |what: &str, times: &Times| {
            let what = format!("{what}, {} / append and fsync", filled.what());
            let detail = format!("{} against {}", show(times.median()), show(floor));
            Number::new(NAME, what, ratio(times.median(), floor), "×").detail(detail)
        };
        let micros = self.state.median().as_secs_f64() * 1e6;
        let what = format!("7: state() after an update, {}", filled.what());
        [
            Number::new(NAME, what, micros, "µs").at_most(STATE_MICROS_MAX),
            against("8: update until durable", &self.update),
            against("8: … while a state is held", &self.held),
        ]
    }
}

/// A file beside the replica's database.
struct Appended {
    file: File,
    path: std::path::PathBuf,
}

impl Appended {
    fn new(filled: &Filled) -> Result<Self> {
        let path = filled.device.join("appended");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|e| cannot("create", &path, e))?;
        Ok(Self { file, path })
    }

    fn append(&mut self, n: u64, context: &Context) -> Result<std::time::Duration> {
        let line = crate::bench::sample::text(n, SMALL);
        let (time, written) = time_of(&*context.clock, || {
            self.file.write_all(line.as_bytes())?;
            self.file.sync_all()
        });
        written.map_err(|e| cannot("write", &self.path, e))?;
        Ok(time)
    }
}
