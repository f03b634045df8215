//! One run: the actors work on a bad day, then the weather clears and everything is checked.

use super::{Log, Plan, Pruned, World, settings};
use super::{actors, copies, fates};
use crate::bucket::{Faults, Happened, SimBucket};
use crate::checker::{self, Verdict};
use crate::clock::SimClock;
use crate::random::Random;
use icecore_core::rules::testonly_switch_off;
use icecore_core::{Author, ModelRef, ObjectKey, Result, Segment, SpaceInfo};
use icecore_replica::Replica;
use icecore_store::link::link;
use icecore_store::prune::prune;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Clock, Store};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

pub(super) const WRITERS: usize = 3;
const READERS: usize = 2;
const ROLL_UPS: usize = 2;
const PRUNERS: usize = 2;
/// The replica that two processes have open.
const SHARED: usize = 1;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What the checker found.
    pub verdict: Verdict,
    /// Updates acknowledged.
    pub acknowledged: usize,
    /// What happened in the bucket.
    pub happened: Happened,
    /// A digest of the final state: the same for the same seed.
    pub state: String,
    /// Segments and snapshots written.
    pub layers: u64,
    /// Epochs begun.
    pub epochs: u64,
    /// Updates rolled up late.
    pub late: u64,
    /// Updates that replicas rolled up in passing.
    pub passing: u64,
    /// Keys made after the first, in an encrypted space.
    pub rotations: u64,
    /// Times that a program held at what a newer version of the model wrote.
    pub held: u64,
    /// Updates redacted.
    pub redacted: u64,
    /// Histories that were reset.
    pub resets: u64,
    /// Times that the guest's space was linked.
    pub links: u64,
    /// Times that the bucket was put back to an older state.
    pub restores: u64,
    /// Replicas that were copied, and that were put back to an older state.
    pub copies: (u64, u64),
    /// What pruning deleted while the others worked.
    pub pruned: Pruned,
    /// What is stored at the end of a run that failed.
    pub tree: String,
}

/// Runs one seed of a plan, on a runtime of its own with virtual time.
pub fn run_with(seed: u64, plan: Plan) -> Outcome {
    testonly_switch_off(plan.rule_off);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(simulate(seed, plan));
    drop(runtime);
    testonly_switch_off(None);
    outcome
}

type Actor = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An actor that can be killed between any two requests and started again.
pub(super) struct Process {
    start: Box<dyn Fn() -> Actor>,
    task: JoinHandle<()>,
    clock: SimClock,
    /// The replica that it has open.
    pub(super) replica: Option<usize>,
    /// It does not run, and no crash starts it again.
    pub(super) stopped: bool,
}

impl Process {
    fn new(clock: SimClock, start: impl Fn() -> Actor + 'static) -> Self {
        let task = tokio::spawn(start());
        Self {
            start: Box::new(start),
            task,
            clock,
            replica: None,
            stopped: false,
        }
    }

    pub(super) fn crash(&mut self) {
        self.task.abort();
        if !self.stopped {
            self.task = tokio::spawn((self.start)());
        }
    }

    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.task.abort();
    }

    pub(super) fn go_on(&mut self) {
        self.stopped = false;
        self.crash();
    }
}

pub(super) struct Cast {
    pub(super) processes: Vec<Process>,
    /// Each with its clock and the world as it sees it.
    pub(super) replicas: Vec<(Replica, SimClock, World)>,
    views: Vec<SimBucket>,
}

impl Cast {
    /// Starts a process that has this replica open.
    pub(super) fn open(&mut self, index: usize, reader: bool) {
        let (replica, clock, world) = self.replicas[index].clone();
        let own = clock.clone();
        let mut process = Process::new(clock, move || {
            // A restart keeps the disk and loses the memory.
            let store = world.of_some_version(replica.store().clone());
            let replica = replica.reopened(store);
            if reader {
                Box::pin(actors::read(world.clone(), replica))
            } else {
                Box::pin(actors::write(world.clone(), replica, own.clone()))
            }
        });
        process.replica = Some(index);
        self.processes.push(process);
    }
}

async fn simulate(seed: u64, plan: Plan) -> Outcome {
    let random = Random::new(seed);
    let clock = SimClock::start();
    let world = World {
        plan,
        bucket: SimBucket::new(random.clone(), clock.clone()),
        random,
        clock,
        space: "space".parse().expect("a name"),
        tail: World::long_tail(seed, &plan),
        log: Arc::new(Mutex::new(Log::default())),
    };
    let calm = world.calm_store();
    calm.create().await.expect("a store");
    create_space(&world, &calm).await.expect("a space");
    if plan.linked {
        let guest = world.of_guest();
        create_space(&guest, &calm).await.expect("a guest's space");
    }
    world
        .bucket
        .with_disk(|disk| disk.ignores_conditions = plan.no_put_if_absent);
    let mut cast = assemble(&world);
    play(&world, &mut cast).await;
    if plan.erased {
        fates::erase_it(&world, &calm).await;
    }
    for process in &cast.processes {
        process.task.abort();
    }
    for view in &cast.views {
        view.set_faults(Faults::none());
    }
    // Writes that are still on their way land before the end is judged.
    world.clock.sleep(Duration::from_hours(1)).await;
    world
        .bucket
        .with_disk(|disk| disk.ignores_conditions = false);
    let verdict = finish(&world, &cast, &calm).await;
    let state = checker::state_digest(&calm, &world.space).await;
    let tree = if verdict == Verdict::Kept {
        String::new()
    } else {
        world.bucket.with_disk(|disk| disk.tree())
    };
    let log = world.log();
    Outcome {
        tree,
        verdict,
        acknowledged: log.ledger.acknowledged(),
        happened: world.bucket.happened(),
        state,
        layers: log.layers,
        epochs: log.epochs,
        late: log.late,
        passing: log.passing,
        rotations: log.rotations,
        held: log.held,
        redacted: log.redacted,
        resets: log.resets,
        links: log.links,
        restores: log.restores,
        copies: (log.copied, log.put_back),
        pruned: log.pruned,
    }
}

async fn create_space(world: &World, calm: &Store) -> Result<SpaceInfo> {
    let (space, order) = (&world.space, world.plan.order);
    let model = ModelRef::named("log");
    if world.plan.encrypted {
        let holders = World::holders();
        calm.create_encrypted_space(space, model, order, holders)
            .await
    } else {
        calm.create_space(space, model, order).await
    }
}

fn assemble(world: &World) -> Cast {
    let mut cast = Cast {
        processes: Vec::new(),
        replicas: Vec::new(),
        views: Vec::new(),
    };
    let main = world;
    for (index, reader) in [false; WRITERS]
        .into_iter()
        .chain([true; READERS])
        .enumerate()
    {
        let is_guest = main.plan.linked && index == 0;
        let world = &if is_guest {
            main.of_guest()
        } else {
            main.clone()
        };
        let clock = world.clock.skewed(skew(world));
        let bound = world.plan.bound_tokens.then(|| {
            let random = u128::try_from(index).unwrap_or_default() + 1;
            Author::from_parts(1_700_000_000_000, random)
        });
        let store = actor_store(world, &mut cast, &clock, bound);
        let store = world.rolling_up(world.unlocked(store));
        let replica = Replica::in_memory(store).expect("a replica in memory");
        cast.replicas.push((replica, clock, world.clone()));
        for _ in 0..if index == SHARED { 2 } else { 1 } {
            cast.open(index, reader);
        }
    }
    for _ in 0..ROLL_UPS {
        add(world, &mut cast, |world, store| {
            let store = world.of_some_version_or_none(store);
            Box::pin(actors::roll_up(world, store))
        });
    }
    if world.plan.linked {
        add(&world.of_guest(), &mut cast, |world, store| {
            Box::pin(actors::roll_up(world, store))
        });
        add(world, &mut cast, |world, store| {
            Box::pin(fates::link_now_and_then(world, store))
        });
    }
    for _ in 0..if world.plan.pruning { PRUNERS } else { 0 } {
        add(world, &mut cast, |world, store| {
            let store = world.of_some_version_or_none(store);
            Box::pin(actors::prune_now_and_then(world, store))
        });
    }
    if world.plan.epochs {
        add(world, &mut cast, |world, store| {
            let store = world.of_some_version(world.unlocked(store));
            Box::pin(actors::begin_epochs(world, store))
        });
    }
    if world.plan.encrypted {
        add(world, &mut cast, |world, store| {
            let store = world.unlocked(store);
            Box::pin(actors::rotate_keys(world, store))
        });
    }
    cast
}

fn add(world: &World, cast: &mut Cast, act: impl Fn(World, Store) -> Actor + 'static) {
    let clock = world.clock.skewed(skew(world));
    let store = actor_store(world, cast, &clock, None);
    let world = world.clone();
    cast.processes.push(Process::new(clock, move || {
        act(world.clone(), store.clone())
    }));
}

fn actor_store(world: &World, cast: &mut Cast, clock: &SimClock, author: Option<Author>) -> Store {
    // Some have a better network than others: else nothing that takes fifty requests would ever succeed.
    let faults = world
        .plan
        .faults
        .scaled(*world.random.pick(&[0.0, 0.2, 1.0, 1.0]));
    let (store, view) = world.store(clock, faults, world.random.chance(0.7), author);
    cast.views.push(view);
    store
}

/// How wrong a clock is: most by seconds, some by minutes, a few by days or years.
fn skew(world: &World) -> i64 {
    if !world.plan.wrong_clocks {
        return 0;
    }
    let random = &world.random;
    match random.between(0, 19) {
        0 => *random.pick(&[-400_000_000, 400_000_000, 40_000_000_000, -90_000]),
        1..=3 => random.between(-1_200_000, 1_200_000),
        _ => random.between(-4_000, 4_000),
    }
}

/// Lets the actors work; crashes them, moves their clocks and tampers as the plan says.
async fn play(world: &World, cast: &mut Cast) {
    let end = Duration::from_secs(world.plan.seconds);
    let begin = world.clock.monotonic();
    let mut backup = fates::Backup::default();
    let mut copies = copies::Copies::default();
    while world.clock.monotonic().saturating_sub(begin) < end {
        let pause = world.random.between(1, 30_000);
        world
            .clock
            .sleep(Duration::from_millis(u64::try_from(pause).unwrap_or(1)))
            .await;
        let index = world
            .random
            .between(0, i64::try_from(cast.processes.len()).unwrap_or(1) - 1);
        let process = &mut cast.processes[usize::try_from(index).unwrap_or(0)];
        if world.plan.crashes && world.random.chance(0.3) {
            process.crash();
        }
        if world.plan.wrong_clocks && world.random.chance(0.1) {
            process.clock.set_skew(skew(world));
        }
        if world.plan.restores && backup.takes_its_turn(world) {
            // Whoever restores a bucket stops what rolls up, as docs/restored.md says.
            let rolls_up = |p: &&mut Process| p.replica.is_none() || world.tail.is_some();
            let beside = cast.processes.iter_mut().filter(rolls_up);
            beside.for_each(Process::crash);
        }
        if world.plan.copies {
            copies.take_their_turn(world, cast);
        }
        if world.plan.segments_removed && world.random.chance(0.1) {
            remove_old_segments(world);
        }
        if world.plan.tampering && world.random.chance(0.1) {
            replace_a_segment(world);
        }
    }
}

/// The operator keeps only what the newest snapshot needs.
fn remove_old_segments(world: &World) {
    world.bucket.with_disk(|disk| {
        let newest = disk
            .objects
            .keys()
            .rfind(|path| path.contains("/snapshots/"))
            .cloned();
        let Some(newest) = newest else { return };
        let segment = newest.replace("/snapshots/", "/segments/");
        let folder = segment[..segment.len() - 10].to_owned();
        disk.objects
            .retain(|path, _| !path.starts_with(&folder) || *path >= segment);
    });
}

/// Somebody changes the order in a segment, neatly, with a valid digest: in one that a later segment names already.
/// The newest one is named by nobody yet, and no chain can show that it was replaced.
fn replace_a_segment(world: &World) {
    world.bucket.with_disk(|disk| {
        let newest_first = disk.objects.keys().rev();
        let mut segments = newest_first.filter(|path| path.contains("/segments/"));
        let Some(path) = segments.nth(1).cloned() else {
            return;
        };
        let Ok(ObjectKey::Segment(..)) = path.trim_start_matches("root/").parse() else {
            return;
        };
        let Ok(mut segment) = Segment::unpack(&disk.objects[&path].bytes) else {
            return;
        };
        if segment.entries.len() < 2 {
            return;
        }
        segment.entries.reverse();
        let packed = Segment::pack(
            &segment.header,
            segment.base_state.as_deref(),
            &segment.entries,
        )
        .expect("a segment");
        if let Some(stored) = disk.objects.get_mut(&path) {
            stored.bytes = packed.bytes.into();
        }
    });
}

/// The weather clears: every queue drains, everything is rolled up, every replica pulls.
async fn finish(world: &World, cast: &Cast, calm: &Store) -> Verdict {
    let of_this = |(replica, _, own): &(Replica, SimClock, World)| {
        (own.space == world.space).then(|| replica.clone())
    };
    let replicas: Vec<Replica> = cast.replicas.iter().filter_map(of_this).collect();
    for (_, clock, _) in &cast.replicas {
        clock.set_skew(0);
    }
    if world.plan.erased {
        return fates::check_erased(world, &replicas, calm).await;
    }
    fates::end_broken_reset(world);
    for (replica, _, own) in &cast.replicas {
        drain(own, replica).await;
    }
    if world.plan.linked {
        join_at_last(world, calm).await;
    }
    if world.plan.tampering {
        // One more update, so that the newest segment is the one that names the one that was replaced.
        let replica = Replica::in_memory(calm.clone()).expect("a replica in memory");
        let mut session = replica.space(&world.space).expect("a space");
        actors::enqueue(world, &mut session, &world.clock);
        actors::sync(world, &mut session).await;
    }
    // Where somebody has tampered with the history, a reader that has noticed stops.
    if !world.plan.tampering
        && let Err(unseen) = check_soon(world, cast).await
    {
        return unseen;
    }
    // In half of the runs somebody asks for everything; in the others a day goes by.
    let asked = world.random.chance(0.5);
    if !asked {
        world.clock.sleep(Duration::from_hours(24)).await;
    }
    let everything = RollupOptions {
        full: asked,
        now: asked,
        time_max: None,
    };
    for _ in 0..3 {
        world.clock.sleep(settings(&world.plan).settle * 3).await;
        if let Err(error) = roll_up(calm, &world.space, &everything).await {
            world
                .log()
                .corrupt
                .push(format!("the last roll-up: {error}"));
        }
    }
    // In half of the runs everything is old enough to be pruned before the end is judged.
    if world.plan.pruning
        && world.random.chance(0.5)
        && let Err(error) = prune(calm, &world.space, None).await
    {
        world
            .log()
            .corrupt
            .push(format!("the last pruning: {error}"));
    }
    checker::check(world, &replicas, calm).await
}

/// All that the guest has written is in the other space, at the latest now.
async fn join_at_last(world: &World, calm: &Store) {
    if let Err(error) = link(calm, &World::guests_space(), &world.space).await {
        let line = format!("the last link: {error}");
        world.log().surprises.push(line);
    }
}

/// Whatever went wrong before: what is written now, with right clocks and a good network, is seen by everybody as soon as
/// the intervals say, by the replicas as they are and on the stores that they have.
async fn check_soon(world: &World, cast: &Cast) -> Result<(), Verdict> {
    let mut written = Vec::new();
    let mut sessions = Vec::new();
    let mut writers = 0;
    for (index, (replica, _, own)) in cast.replicas.iter().enumerate() {
        if own.space == world.space {
            writers += usize::from(index < WRITERS);
            // An old program would hold, as it must.
            let store = world.of_newest_version(replica.store().clone());
            let replica = replica.reopened(store);
            sessions.push(replica.space(&world.space).expect("a space"));
        }
    }
    for session in sessions.iter_mut().take(writers) {
        actors::enqueue(world, session, &world.clock);
        for _ in 0..5 {
            if actors::sync(world, session).await {
                break;
            }
        }
        written.extend(world.log().ledger.last_text());
    }
    world.clock.sleep(settings(&world.plan).check * 2).await;
    for session in &mut sessions {
        if let Err(error) = session.pull().await {
            return Err(Verdict::Reported(format!("a pull on a good day: {error}")));
        }
        if let Some(text) = checker::unseen(session, &written) {
            return Err(Verdict::Unseen(text));
        }
    }
    Ok(())
}

/// Syncs until nothing is queued any more, which with nothing in its way takes a few tries at most.
async fn drain(world: &World, replica: &Replica) {
    let mut session = replica
        .reopened(world.calm_store())
        .space(&world.space)
        .expect("a space");
    for _ in 0..5 {
        if actors::sync(world, &mut session).await && session.pending(1).is_ok_and(|p| p.is_empty())
        {
            actors::note_set_aside(world, &mut session);
            return;
        }
    }
    let waiting = session.pending(usize::MAX).map_or(0, |p| p.len());
    world
        .log()
        .stuck
        .push(format!("{waiting} updates stay queued"));
}
