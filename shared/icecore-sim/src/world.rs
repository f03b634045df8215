//! Actors on one bucket: writers, readers, racing roll-ups, pruners and new epochs, each with its own clock and
//! network, crashing between any two requests.

pub(crate) mod actors;
mod copies;
mod fates;
mod run;
mod versions;

pub use run::{Outcome, run_with};

use crate::bucket::{Faults, SimBucket};
use crate::clock::SimClock;
use crate::gateway::behind_a_gateway;
use crate::ledger::Ledger;
use crate::random::Random;
use icecore_core::plan::{SnapshotRule, TailRule};
use icecore_core::rules::Rule;
use icecore_core::{Author, Order, SpaceName, UpdateId};
use icecore_seal::{Identity, NewHolder, Secret};
use icecore_store::backend::ServerTime;
use icecore_store::{Settings, Store};
use object_store::path::Path;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a simulation does.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that can go wrong by itself"
)]
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What decides the order of the space.
    pub order: Order,
    /// How bad the network is while the actors work.
    pub faults: Faults,
    /// Actors crash and come back.
    pub crashes: bool,
    /// Clocks are wrong and jump.
    pub wrong_clocks: bool,
    /// `compress` and `redact` begin new epochs.
    pub epochs: bool,
    /// Covered update objects are deleted after the retention time.
    pub pruning: bool,
    /// How long what is covered is kept: longer than any write takes to land, by a good margin. Pruning rests on
    /// that, and on nothing else.
    pub retention: Duration,
    /// Writers send several updates without a pause, so that one listing meets them on their way.
    pub bursts: bool,
    /// Roll-ups run so rarely that the retention time passes between two of them.
    pub slow_roll_ups: bool,
    /// Old segments that a snapshot stands for are removed by the operator.
    pub segments_removed: bool,
    /// Somebody replaces a stored segment by another one.
    pub tampering: bool,
    /// Conditional writes are ignored by the bucket.
    pub no_put_if_absent: bool,
    /// The actors reach the bucket through a gateway, with a token and nothing else.
    pub gateway: bool,
    /// The space is encrypted: who rolls up and prunes holds no key, and the keys are rotated now and then.
    pub encrypted: bool,
    /// With a gateway: who writes and reads holds a token that is bound to an author and allows nothing else.
    pub bound_tokens: bool,
    /// The history is reset now and then.
    pub resets: bool,
    /// One of the writers is a guest with a space of its own, which joins the other one in the middle of the run.
    pub linked: bool,
    /// The bucket is put back to an older state now and then, while the roll-ups stand still.
    pub restores: bool,
    /// Replicas are copied, and go on as two; and put back to what they were.
    pub copies: bool,
    /// The space is erased in the end, while everybody goes on.
    pub erased: bool,
    /// Programs of two versions of the model work side by side; each start may be of either.
    pub versions: bool,
    /// In more than half of the runs replicas roll up what they call a long tail.
    pub tails: bool,
    /// A safety rule that is switched off.
    pub rule_off: Option<Rule>,
    /// How long the actors work, in virtual seconds.
    pub seconds: u64,
}

impl Plan {
    /// Everything at once, on a bad day. A run is about twice as long as the retention, so that pruning takes a
    /// part in it.
    pub const fn everything() -> Self {
        Self {
            order: Order::Timestamp,
            faults: Faults::bad(),
            crashes: true,
            wrong_clocks: true,
            epochs: true,
            pruning: true,
            retention: Duration::from_mins(8),
            bursts: true,
            slow_roll_ups: false,
            segments_removed: false,
            tampering: false,
            no_put_if_absent: false,
            gateway: false,
            encrypted: false,
            bound_tokens: false,
            resets: false,
            linked: false,
            restores: false,
            copies: false,
            erased: false,
            versions: false,
            tails: true,
            rule_off: None,
            seconds: 900,
        }
    }

    /// The same for hours, with writes that land half an hour late.
    pub const fn long_life() -> Self {
        let plan = Self::everything();
        Self {
            seconds: 2 * 3_600,
            retention: Duration::from_hours(1),
            faults: Faults {
                zombie_delay_max: 30 * 60 * 1_000,
                ..plan.faults
            },
            ..plan
        }
    }
}

impl Plan {
    /// Nothing goes wrong but what a client's own retries do.
    pub fn only_retries(&self) -> bool {
        self.faults == Faults::retries()
            && !self.crashes
            && !self.wrong_clocks
            && !self.epochs
            && !self.pruning
    }
}

/// The limits of a simulation: short, so that a run sees a space's whole life.
pub(crate) fn settings(plan: &Plan) -> Settings {
    Settings {
        request_timeout: Duration::from_secs(20),
        publish_time_max: Duration::from_mins(1),
        overlap: Duration::from_secs(20),
        safety: Duration::from_secs(20),
        check: Duration::from_mins(1),
        look_back: Duration::from_mins(1),
        full_every: Duration::from_mins(10),
        retention: plan.retention,
        chunk_objects_max: 7,
        snapshot: SnapshotRule {
            small_bytes: 0,
            segments_max: 2,
            ..SnapshotRule::default()
        },
        tail: None,
        ..Settings::default()
    }
}

/// The one that all who hold the keys have.
fn identity() -> Identity {
    Identity::generate(&mut || [7; 32])
}

/// What every actor shares.
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) plan: Plan,
    pub(crate) random: Random,
    pub(crate) clock: SimClock,
    pub(crate) bucket: SimBucket,
    pub(crate) space: SpaceName,
    /// Which tail is long, where replicas roll up.
    pub(crate) tail: Option<TailRule>,
    pub(crate) log: Arc<Mutex<Log>>,
}

/// What pruning deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Update objects.
    pub updates: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Old epochs.
    pub epochs: u64,
}

impl std::ops::AddAssign for Pruned {
    fn add_assign(&mut self, other: Self) {
        self.updates += other.updates;
        self.snapshots += other.snapshots;
        self.epochs += other.epochs;
    }
}

/// What the checker holds against the end of a run.
#[derive(Debug, Default)]
pub struct Log {
    /// What was made, acknowledged and taken out.
    pub ledger: Ledger,
    /// Errors that no fault explains.
    pub surprises: Vec<String>,
    /// Queues that did not drain.
    pub stuck: Vec<String>,
    /// Errors that name a broken history.
    pub corrupt: Vec<String>,
    /// Segments and snapshots written.
    pub layers: u64,
    /// Epochs begun.
    pub epochs: u64,
    /// Keys made after the first.
    pub rotations: u64,
    /// Times that a program held at what a newer version of the model wrote.
    pub held: u64,
    /// Updates taken out.
    pub redacted: u64,
    /// Histories that were reset.
    pub resets: u64,
    /// The guest's space has joined the other one.
    pub links: u64,
    /// Times that the bucket was put back to an older state.
    pub restores: u64,
    /// Replicas that were copied.
    pub copied: u64,
    /// Replicas that were put back to an older state.
    pub put_back: u64,
    /// What pruning deleted while the others worked.
    pub pruned: Pruned,
    /// Updates rolled up below what was reached before.
    pub late: u64,
    /// Updates that replicas rolled up in passing.
    pub passing: u64,
    /// Somebody has begun to erase the space.
    pub erased: bool,
    /// What was there when a reset began that has not ended.
    pub(crate) resetting: Option<BTreeSet<UpdateId>>,
}

impl World {
    /// The space of the guest.
    pub(crate) fn guests_space() -> SpaceName {
        "guest".parse().expect("a name")
    }

    /// The same world as the guest sees it: with the guest's own space.
    pub(crate) fn of_guest(&self) -> Self {
        Self {
            space: Self::guests_space(),
            ..self.clone()
        }
    }

    /// The store as an actor with this clock and network sees it.
    pub(crate) fn store(
        &self,
        clock: &SimClock,
        faults: Faults,
        knows_server_time: bool,
        author: Option<Author>,
    ) -> (Store, SimBucket) {
        let server_time = Arc::new(ServerTime::new());
        let view = self.bucket.seen_by(
            clock.clone(),
            faults,
            knows_server_time.then(|| Arc::clone(&server_time)),
        );
        let view = if knows_server_time || self.plan.gateway {
            view
        } else {
            view.stamping()
        };
        if self.plan.gateway {
            let ids = Arc::new(self.random.clone());
            let gateways = self.gateways_store();
            let (store, _) = behind_a_gateway(&gateways, &view, (clock, &self.clock), ids, author);
            return (store.with_settings(settings(&self.plan)), view);
        }
        let store = Store::on(
            Arc::new(view.clone()),
            Path::from("root"),
            Arc::new(clock.clone()),
            Arc::new(self.random.clone()),
            server_time,
        );
        (store.with_settings(settings(&self.plan)), view)
    }

    /// The store as the gateway itself sees it: it stands beside the bucket, and has a right clock.
    fn gateways_store(&self) -> Store {
        let view = self
            .bucket
            .seen_by(self.clock.clone(), Faults::none(), None);
        let clock = Arc::new(self.clock.clone());
        let ids = Arc::new(self.random.clone());
        let server_time = Arc::new(ServerTime::new());
        Store::on(Arc::new(view), Path::from("root"), clock, ids, server_time)
            .with_settings(settings(&self.plan))
    }

    /// Which tail the replicas of this run call long. Not from the stream that all share: the seeds of runs without stay
    /// what they were.
    pub(crate) fn long_tail(seed: u64, plan: &Plan) -> Option<TailRule> {
        let random = Random::new(!seed);
        let number = |min, max| u32::try_from(random.between(min, max)).unwrap_or(0);
        let young = Duration::from_secs(number(0, 60).into());
        let never = usize::try_from(number(0, 6)).unwrap_or(0);
        let rule = TailRule {
            never,
            always: never + usize::try_from(number(0, 20)).unwrap_or(0),
            young,
            old: young * number(1, 4),
        };
        (plan.tails && random.chance(0.6)).then_some(rule)
    }

    /// A replica's store.
    pub(crate) fn rolling_up(&self, store: Store) -> Store {
        let settings = Settings {
            tail: self.tail,
            ..(*store.settings).clone()
        };
        store.with_settings(settings)
    }

    /// The store with the right clock and a good network.
    pub(crate) fn calm_store(&self) -> Store {
        let store = self.store(&self.clock, Faults::none(), true, None).0;
        self.of_newest_version(self.unlocked(store))
    }

    /// The store of somebody who holds the keys of an encrypted space.
    pub(crate) fn unlocked(&self, store: Store) -> Store {
        if !self.plan.encrypted {
            return store;
        }
        let secret = Arc::new(Secret::Identity(identity()));
        store.with_secrets(Arc::new(vec![secret]))
    }

    /// Who can open the space, if it is encrypted.
    pub(crate) fn holders() -> Vec<NewHolder> {
        vec![NewHolder::Member {
            name: "everybody".to_owned(),
            public: identity().public(),
        }]
    }

    pub(crate) fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        crate::bucket::lock(&self.log)
    }
}
