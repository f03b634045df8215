//! Measuring: each number beside its target, on this machine.

mod app;
mod contention;
mod day;
mod encryption;
mod fold;
mod history;
mod idle;
mod latency;
mod load;
mod memory;
mod number;
mod past;
mod presign;
mod requests;
mod rig;
mod sample;
mod served;
mod siege;
mod site;
mod timing;
mod traffic;

use crate::args::parsed;
use crate::context::Context;
use crate::exit::{Outcome, Stop};
use crate::human::parse_duration;
use crate::progress::Progress;
pub(crate) use app::{ReplicaArgs, run_process as run_replica};
use futures::future::BoxFuture;
use icecore_core::{Error, Result};
pub(crate) use memory::{RollupArgs, run_process};
use number::{Machine, Number};
use serde_json::json;
use std::time::Duration;

/// What `icecore bench` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  icecore bench
  icecore bench publish poll open
  icecore bench history --history 100000
  icecore bench latency contention --store s3://my-bucket/bench
  icecore bench presign idle
  icecore bench app day
  icecore bench load --clients 200 --duration 60s
  icecore bench siege --duration 60s

Times are ratios to a floor that is measured in the same run. With --store s3://… publishing, contention and app are \
measured there too; spaces are made in it and left there.")]
pub(crate) struct BenchArgs {
    /// Which benchmarks: publish, poll, open, contention, latency, fold, history, encryption, memory, presign,
    /// idle, app, day, load, siege [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The updates of the history that is opened
    #[arg(long, value_name = "UPDATES", default_value_t = 1_000_000)]
    history: u64,
    /// Also open histories that are ten times as long: writing them takes minutes
    #[arg(long)]
    slow: bool,
    /// Only this row of `app`: 1 to 9, or 11
    #[arg(long, value_name = "ROW")]
    row: Option<u8>,
    /// The clients of the load
    #[arg(long, value_name = "CLIENTS", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=4_000))]
    clients: u16,
    /// How long they write, at each of two paces, or without and within the siege
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    duration: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    parsed(parse_duration(text))
}

type Run = for<'a> fn(&'a Context, &'a BenchArgs) -> BoxFuture<'a, Result<Vec<Number>>>;

/// Every benchmark, by its name.
const BENCHMARKS: [(&str, Run); 15] = [
    ("publish", |context, _| Box::pin(requests::publish(context))),
    ("poll", |context, _| Box::pin(requests::poll(context))),
    ("open", |context, _| Box::pin(requests::open(context))),
    ("contention", |context, _| {
        Box::pin(contention::contention(context))
    }),
    ("latency", |context, _| Box::pin(latency::latency(context))),
    ("fold", |context, _| Box::pin(fold::fold(context))),
    ("history", |context, args| {
        Box::pin(history::history(context, args))
    }),
    ("encryption", |context, _| {
        Box::pin(encryption::encryption(context))
    }),
    ("memory", |context, _| Box::pin(memory::memory(context))),
    ("presign", |context, _| Box::pin(presign::presign(context))),
    ("idle", |context, _| Box::pin(idle::idle(context))),
    ("app", |context, args| Box::pin(app::app(context, args))),
    ("day", |context, _| Box::pin(day::day(context))),
    ("load", |context, args| Box::pin(load::load(context, args))),
    ("siege", |context, args| {
        Box::pin(siege::siege(context, args))
    }),
];

/// Runs the benchmarks.
///
/// # Errors
/// What the benchmarks report; exit code 1 when a target is missed.
pub(crate) async fn run(args: &BenchArgs, context: &Context) -> Outcome {
    let machine = Machine::here();
    let chosen = chosen(&args.names)?;
    if context.out.json {
        context
            .out
            .line(json!({ "machine": machine }).to_string())?;
    } else {
        context.out.line(machine.line())?;
    }
    let mut missed = 0;
    for (name, run) in chosen {
        let progress = Progress::spinner(&context.clock, name);
        let numbers = run(context, args).await?;
        drop(progress);
        if !context.out.json {
            context.out.line(format!("\n{name}"))?;
        }
        for number in numbers {
            missed += u64::from(number.passed == Some(false));
            context.out.result(&number, || number.line())?;
        }
    }
    if missed == 0 {
        return Ok(());
    }
    context
        .out
        .note(&format!("{} missed", crate::human::count(missed, "target")));
    Err(Stop::Reported(1))
}

fn chosen(names: &[String]) -> Result<Vec<(&'static str, Run)>> {
    if names.is_empty() {
        return Ok(BENCHMARKS.to_vec());
    }
    names
        .iter()
        .map(|name| {
            BENCHMARKS
                .into_iter()
                .find(|(known, _)| known == name)
                .ok_or_else(|| {
                    let known = BENCHMARKS.map(|(name, _)| name).join(", ");
                    Error::invalid(format!("there is no benchmark {name:?}"))
                        .with_hint(format!("there are: {known}"))
                })
        })
        .collect()
}
