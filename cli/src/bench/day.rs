//! `day`: what 200 people ask of a bucket in a day, in virtual time.
//!
//! Twenty spaces of ten people. Each opens the app six times, for 5 to 35 minutes, which begins with a first look; polls every
//! five seconds while it is open; writes bursts of up to twelve updates, each sent at once; and has no network in one of four
//! sessions for a while. A worker rolls up every ten minutes what has changed, and prunes at the end of the day. The day is
//! drawn from a seed, so its requests are the same on every machine.

mod bucket;
mod person;
mod plan;

use super::number::{Number, exact};
use super::requests::per;
use crate::context::Context;
use bucket::{Moved, Stamped};
use icecore_core::{Error, ModelRef, Order, Result, SpaceName, UpdateId};
use icecore_store::backend::{Metered, RequestCounts, ServerTime, cost_usd};
use icecore_store::prune::prune;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Clock, Reader, Store};
use object_store::path::Path;
use person::Person;
use plan::{HOUR, MINUTE, Random, Seeded};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const NAME: &str = "day";
const SEED: u64 = 42;
const SPACES: u64 = 20;
const PEOPLE: u64 = 200;
const DAY: u64 = 24 * HOUR;
const ROLL_UP_EVERY: u64 = 10 * MINUTE;
/// What has settled of a look back is rolled up in the next run.
const LOOK_BACK: i64 = 11 * 60_000;

/// The whole day.
pub(super) async fn day(context: &Context) -> Result<Vec<Number>> {
    let world = World::new(context);
    let (maker, _) = world.client();
    maker.create().await?;
    let mut spaces = Vec::new();
    for n in 0..SPACES {
        let name: SpaceName = format!("team-{n:02}").parse()?;
        let model = ModelRef::named("document");
        maker.create_space(&name, model, Order::Timestamp).await?;
        spaces.push(name);
    }
    let mut random = Random(SEED);
    let mut people = Vec::new();
    let mut meters = Vec::new();
    for n in 0..PEOPLE {
        let (store, metered) = world.client();
        let space = &spaces[usize::try_from(n % SPACES).unwrap_or(0)];
        people.push(Person::new(
            store,
            space,
            n,
            plan::of_a_person(&mut random),
        )?);
        meters.push(metered);
    }
    let (worker, worked) = world.client();
    run(&world, &mut people, &worker).await?;
    let spent = |metered: &Metered| metered.counts();
    let asked = meters.iter().map(spent).fold(zero(), std::ops::Add::add);
    let acknowledged: Vec<_> = people.iter().flat_map(Person::acknowledged).collect();
    let lost = missing(&maker, &spaces, &acknowledged).await?;
    let made = people.iter().map(Person::made).sum();
    let mut numbers = of_people(&asked, made);
    numbers.push(of_the_worker(&worked.counts()));
    numbers.push(
        Number::count(
            NAME,
            "updates made and not there",
            lost + made - acknowledged.len() as u64,
            "",
        )
        .at_most(0.0),
    );
    Ok(numbers)
}

fn zero() -> RequestCounts {
    RequestCounts::default()
}

/// The bucket, and its clock.
struct World {
    clock: Arc<Moved>,
    objects: Stamped,
    server_time: Arc<ServerTime>,
    ids: Arc<Seeded>,
}

impl World {
    fn new(context: &Context) -> Self {
        let clock = Arc::new(Moved::new(&context.clock));
        let server_time = Arc::new(ServerTime::new());
        // As every answer of S3 does.
        let now = clock.now();
        server_time.observe_exact(now, now, now);
        Self {
            objects: Stamped::new(&clock),
            clock,
            server_time,
            ids: Arc::new(Seeded(Mutex::new(Random(SEED + 1)))),
        }
    }

    /// The store as one program sees it, and what that asks for.
    fn client(&self) -> (Store, Metered) {
        let metered = Metered::new(Arc::new(self.objects.clone()), Path::default());
        let clock: Arc<dyn Clock> = Arc::<Moved>::clone(&self.clock);
        let store = Store::on(
            Arc::new(metered.clone()),
            Path::default(),
            clock,
            Arc::<Seeded>::clone(&self.ids),
            Arc::clone(&self.server_time),
        );
        (store, metered)
    }
}

/// One event after the other, by their times.
async fn run(world: &World, people: &mut [Person], worker: &Store) -> Result<()> {
    let mut events: BTreeSet<(u64, usize)> = BTreeSet::new();
    for (n, person) in people.iter().enumerate() {
        events.extend(person.next().map(|at| (at, n)));
    }
    let mut next_roll_up = ROLL_UP_EVERY;
    while let Some((at, n)) = events.pop_first() {
        while next_roll_up <= at {
            world.clock.move_to(next_roll_up);
            roll_up_changed(worker).await?;
            next_roll_up += ROLL_UP_EVERY;
        }
        world.clock.move_to(at);
        people[n].act(at).await?;
        events.extend(people[n].next().map(|at| (at, n)));
    }
    world.clock.move_to(DAY);
    roll_up_changed(worker).await?;
    for space in worker.spaces().await? {
        prune(worker, &space, None).await?;
    }
    Ok(())
}

async fn roll_up_changed(worker: &Store) -> Result<()> {
    for space in worker.changed_spaces(worker.now() - LOOK_BACK).await? {
        roll_up(worker, &space, &RollupOptions::default()).await?;
    }
    Ok(())
}

/// How many of them a new reader does not find.
async fn missing(store: &Store, spaces: &[SpaceName], all: &[&UpdateId]) -> Result<u64> {
    let distinct: BTreeSet<_> = all.iter().collect();
    if distinct.len() != all.len() {
        return Err(Error::internal("BUG: an update was acknowledged twice"));
    }
    let mut found = 0;
    for space in spaces {
        let reader = Reader::open(store, space).await?;
        let tail: BTreeSet<_> = reader.tail_entries().iter().map(|e| e.id).collect();
        let is_there = |id: &&&UpdateId| tail.contains(id) || reader.base.covered.contains(***id);
        found += all.iter().filter(is_there).count() as u64;
    }
    Ok((all.len() as u64).saturating_sub(found))
}

fn of_people(asked: &RequestCounts, made: u64) -> Vec<Number> {
    let each = |what: &str, count: u64| {
        let what = format!("{what}, a person and day");
        Number::new(NAME, what, per(count, PEOPLE), "")
    };
    let heads = asked.of("heads");
    let total = &asked.total;
    let other_gets = total.get - heads.not_modified;
    vec![
        each("updates", made),
        each("PUTs of updates", asked.of("updates").put),
        each("PUTs of hints", heads.put),
        each("polls that found nothing new", heads.not_modified),
        each("other GETs", other_gets).detail(by_kind(asked, |c| c.get)),
        each("LISTs", total.list).detail(by_kind(asked, |c| c.list)),
        each("requests", asked.requests())
            .detail(format!("{:.0} KB read", per(total.bytes_in, PEOPLE) / 1e3)),
        monthly("requests of a person in 30 days", asked),
    ]
}

fn of_the_worker(worked: &RequestCounts) -> Number {
    let of = &worked.total;
    monthly("roll-ups and pruning, a person's share in 30 days", worked).detail(format!(
        "{:.1} PUT, {:.1} GET, {:.1} LIST a day",
        per(of.put, PEOPLE),
        per(of.get, PEOPLE),
        per(of.list, PEOPLE)
    ))
}

fn monthly(what: &str, counts: &RequestCounts) -> Number {
    let cents = cost_usd(counts) * 100.0 * 30.0 / exact(PEOPLE);
    Number::new(NAME, what, cents, "US cents")
}

fn by_kind(
    counts: &RequestCounts,
    of: impl Fn(&icecore_store::backend::KindCounts) -> u64,
) -> String {
    let kinds = counts.by_kind.iter().filter(|(_, c)| of(c) > 0);
    let shown = kinds.map(|(kind, c)| format!("{kind} {:.1}", per(of(c), PEOPLE)));
    shown.collect::<Vec<_>>().join(", ")
}
