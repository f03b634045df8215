//! `siege`: fifty clients write once a second, at first alone, then beside all that strangers can do to a server, at once:
//! announced uploads, silent connections, a guest's arrays of zeros, a segment that unpacks to hundreds of times its size,
//! and a token that calls as fast as it can.
//!
//! Attackers, clients and server share the machine, so that what the attackers compute is in the clients' times too.

mod attack;
mod raw;

use super::BenchArgs;
use super::load::{Client, Measured, held_against};
use super::number::{Number, exact};
use super::served::Served;
use super::timing::{Times, show, time};
use crate::context::Context;
use crate::{human, system};
use attack::{Attack, Refusals};
use futures::future::{join_all, try_join_all};
use icecore_core::{Error, Result};
use raw::Server;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

const NAME: &str = "siege";
const CLIENTS: usize = 50;
const CLIENTS_PER_SPACE: usize = 10;
/// What the server may take.
const MEMORY: u64 = 512 << 20;
const A_SECOND: Duration = Duration::from_secs(1);
/// How often the server is asked how it is.
const HEALTH_EVERY: Duration = Duration::from_millis(100);
/// The server may have so many descriptors and threads more in the end: connections of the clients stay open.
const MORE_MAX: f64 = 100.0;

/// Without attackers, then within the siege; then the history is held against what was acknowledged.
pub(super) async fn siege(context: &Context, args: &BenchArgs) -> Result<Vec<Number>> {
    system::raise_file_limit();
    let memory = format!("{}M", MEMORY >> 20);
    let settings = json!({ "guests": {} });
    let served = Served::start_with(context, &["--memory", &memory], &settings).await?;
    let mut infos = Vec::new();
    for _ in 0..CLIENTS.div_ceil(CLIENTS_PER_SPACE) {
        infos.push(served.space(context).await?);
    }
    let joining = (0..CLIENTS).map(|n| Client::join(&served, &infos[n % infos.len()], n, context));
    let mut clients = try_join_all(joining).await?;
    let before = (served.descriptors()?, served.threads()?);
    let calm = Stretch::of(&mut clients, args.duration, &served, context).await?;
    let attack = Attack::begin(&served, context).await?;
    let under = Stretch::of(&mut clients, args.duration, &served, context).await?;
    let refusals = attack.end();
    context.clock.sleep(A_SECOND * 15).await;
    let after = (served.descriptors()?, served.threads()?);
    let peak = served.peak()?;
    let acknowledged: Vec<_> = clients
        .iter()
        .flat_map(|c| c.acknowledged.clone())
        .collect();
    drop(clients);
    let mut numbers = numbers(&calm, &under, &refusals);
    numbers.push(
        Number::new(
            NAME,
            "server's memory at its peak / its limit",
            exact(peak) / exact(MEMORY),
            "×",
        )
        .at_most(1.0)
        .detail(format!(
            "{} of {}",
            human::bytes(peak),
            human::bytes(MEMORY)
        )),
    );
    let more = |what: &str, before: u64, after: u64| {
        Number::new(
            NAME,
            format!("{what} more than before"),
            exact(after) - exact(before),
            "",
        )
        .at_most(MORE_MAX)
        .detail(format!("{before} before, {after} after"))
    };
    numbers.push(more("descriptors", before.0, after.0));
    numbers.push(more("threads", before.1, after.1));
    numbers.push(held_against(served, &infos, (NAME, &acknowledged), context).await?);
    Ok(numbers)
}

fn numbers(calm: &Stretch, under: &Stretch, refusals: &Refusals) -> Vec<Number> {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let both = |part: f64| (calm.times.at(part), under.times.at(part));
    let mut numbers: Vec<_> = [("p50", 0.5), ("p99", 0.99)]
        .into_iter()
        .map(|(name, part)| {
            let (calm, under) = both(part);
            let ratio = millis(under) / millis(calm).max(f64::MIN_POSITIVE);
            Number::new(
                NAME,
                format!("honest latency {name}, besieged / alone"),
                ratio,
                "×",
            )
            .at_most(3.0)
            .detail(format!("{} alone, {} besieged", show(calm), show(under)))
        })
        .collect();
    numbers.push(
        Number::count(NAME, "honest errors", calm.errors + under.errors, "")
            .at_most(0.0)
            .detail(format!("{} updates besieged", under.times.len())),
    );
    numbers.push(
        Number::new(
            NAME,
            "health check p99, besieged",
            millis(under.health.at(0.99)),
            "ms",
        )
        .at_most(100.0)
        .detail(format!("{} alone", show(calm.health.at(0.99)))),
    );
    let (others, detail) = refusals.told();
    numbers.push(
        Number::count(
            NAME,
            "answers to attackers that are no refusals of theirs",
            others,
            "",
        )
        .at_most(0.0)
        .detail(detail),
    );
    numbers
}

/// What the honest clients, and whoever asks how the server is, measured in a while.
struct Stretch {
    times: Times,
    errors: u64,
    health: Times,
}

impl Stretch {
    async fn of(
        clients: &mut Vec<Client>,
        duration: Duration,
        served: &Served,
        context: &Context,
    ) -> Result<Self> {
        let end = context.clock.monotonic() + duration;
        let health = ask_how_it_is(Server::of(served), Arc::clone(&context.clock), end);
        let writing: Vec<_> = std::mem::take(clients)
            .into_iter()
            .map(|client| tokio::spawn(client.write(Some(A_SECOND), end)))
            .collect();
        let mut times = Times::default();
        let mut errors = 0;
        for ended in join_all(writing).await {
            let ended = ended.map_err(|e| {
                Error::internal("a client of the benchmark ended early").with_source(e)
            })?;
            let (client, measured): (Client, Measured) = ended?;
            clients.push(client);
            measured.times.into_iter().for_each(|time| times.add(time));
            errors += measured.errors.values().sum::<u64>();
        }
        let health = health
            .await
            .map_err(|e| Error::internal("nobody asked how the server is").with_source(e))?;
        Ok(Self {
            times,
            errors,
            health,
        })
    }
}

/// Asks for `/healthz` again and again, on a connection of its own each time.
fn ask_how_it_is(
    server: Server,
    clock: Arc<dyn icecore_store::Clock>,
    end: Duration,
) -> JoinHandle<Times> {
    tokio::spawn(async move {
        let mut times = Times::default();
        while clock.monotonic() < end {
            let asked = server.ask("GET", "/healthz", "", "");
            let (took, answer) = time(&*clock, asked).await;
            // One that is not answered counts as one that took very long.
            let answered = answer.is_ok_and(|(status, _)| status == 200);
            times.add(if answered {
                took
            } else {
                Duration::from_mins(1)
            });
            clock.sleep(HEALTH_EVERY).await;
        }
        times
    })
}
