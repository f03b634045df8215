use super::*;
use crate::ids::{Author, Seq};
use crate::model::{Meta, Model, Rejected};
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A state that counts how often it is copied.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct Lines {
    lines: Vec<String>,
    #[serde(skip)]
    copies: Arc<AtomicU64>,
}

impl Clone for Lines {
    fn clone(&self) -> Self {
        self.copies.fetch_add(1, Ordering::Relaxed);
        Self {
            lines: self.lines.clone(),
            copies: Arc::clone(&self.copies),
        }
    }
}

/// Keeps the updates in order, each with what the model is told of it. Some are rejected, some make it panic half-way, and
/// some are impossible.
#[derive(Debug, Default)]
struct Fussy {
    reads_key: bool,
    copies: Arc<AtomicU64>,
}

impl Model for Fussy {
    type State = Lines;
    type Update = (String, String);

    fn name(&self) -> &'static str {
        "fussy"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads_key(&self) -> bool {
        self.reads_key
    }

    fn initial(&self) -> Lines {
        Lines {
            lines: Vec::new(),
            copies: Arc::clone(&self.copies),
        }
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Self::Update, Rejected> {
        Ok((kind.to_owned(), data.get().to_owned()))
    }

    fn apply(
        &self,
        state: &mut Lines,
        (kind, data): Self::Update,
        meta: &Meta<'_>,
    ) -> Result<(), Rejected> {
        match kind.as_str() {
            // What is there before it decides.
            "odd" if state.lines.len().is_multiple_of(2) => return Err(Rejected::new("even")),
            "never" => return Err(Rejected::inconsistent("it never happens")),
            _ => {}
        }
        state.lines.push(format!("{kind} {data} {}", meta.key));
        assert!(kind != "panic", "half of it is done");
        Ok(())
    }

    fn touches(&self, kind: &str, _: &RawValue) -> Vec<String> {
        vec![format!("/{kind}")]
    }
}

fn id(author: u64, seq: u64) -> UpdateId {
    UpdateId {
        author: Author::from_parts(author, 0),
        seq: Seq::new(seq).unwrap(),
    }
}

fn update(kind: &str, data: u64) -> Update {
    let data = RawValue::from_string(data.to_string()).unwrap();
    Update::new(0, kind, &data, None).unwrap()
}

/// What stands after the base: stored ones with their keys, then own ones.
#[derive(Default)]
struct Tail {
    stored: Vec<(Key, UpdateId, Update)>,
    own: Vec<(UpdateId, Update)>,
}

impl Tail {
    fn steps(&self) -> Vec<Step<'_>> {
        let stored = self.stored.iter().map(|(key, id, update)| Step {
            id: *id,
            key: *key,
            update,
            opened: false,
        });
        let own = self.own.iter().map(|(id, update)| Step {
            id: *id,
            key: Key::MAX,
            update,
            opened: true,
        });
        stored.chain(own).collect()
    }

    fn store(&mut self, key: u64, id: UpdateId, update: Update) {
        let key = Key::new(key).unwrap();
        let at = self
            .stored
            .partition_point(|(k, i, _)| (*k, *i) < (key, id));
        self.stored.insert(at, (key, id, update));
    }
}

fn at(generation: u64, replaced: u64) -> At {
    At {
        epoch: Epoch::MIN,
        generation: Generation::new(generation).unwrap(),
        replaced,
    }
}

fn assert_as_folded(tip: &Tip, base: &Folded, steps: &[Step<'_>], why: &str) {
    let plain = base.after(steps.iter().copied());
    let folded = tip.folded();
    let json = |folded: &Folded| String::from_utf8(folded.state_json().unwrap()).unwrap();
    assert_eq!(json(folded), json(&plain), "{why}");
    assert_eq!(folded.rejected, plain.rejected, "{why}");
    assert_eq!(folded.touched, plain.touched, "{why}");
    assert_eq!(folded.inconsistent, plain.inconsistent, "{why}");
    assert_eq!(folded.held, plain.held, "{why}");
    assert_eq!(folded.unknown_key, plain.unknown_key, "{why}");
}

#[derive(Debug, Clone)]
enum Event {
    /// Somebody else's update arrives, so far before the end.
    Arrives(&'static str, u64),
    /// One is made here.
    Made(&'static str),
    /// The first of the own ones is stored, so far before the end.
    Stored(u64),
    /// The first of the own ones is refused, and those after it move up.
    Refused,
    /// The first ones are rolled up.
    RolledUp(usize),
    /// One is replaced by another one of the same id and key.
    Replaced(usize),
    /// The history begins anew, without the first ones.
    Begun(usize),
}

fn kind() -> impl Strategy<Value = &'static str> {
    prop_oneof![20 => Just("some"), 6 => Just("odd"), 1 => Just("panic"), 1 => Just("never"), 1 => Just("newer")]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (kind(), prop_oneof![3 => Just(0), 1 => 0_u64..200]).prop_map(|(k, n)| Event::Arrives(k, n)),
        8 => kind().prop_map(Event::Made),
        6 => prop_oneof![3 => Just(0), 1 => 0_u64..20].prop_map(Event::Stored),
        1 => Just(Event::Refused),
        1 => (0_usize..20).prop_map(Event::RolledUp),
        1 => any::<usize>().prop_map(Event::Replaced),
        1 => (0_usize..5).prop_map(Event::Begun),
    ]
}

/// A replica of its own making.
struct World {
    base: Folded,
    generation: u64,
    replaced: u64,
    tail: Tail,
    tip: Tip,
    count: u64,
    own_seq: u64,
}

impl World {
    fn new(model: Fussy) -> Self {
        let base = Folded::initial(Arc::new(model));
        Self {
            tip: Tip::new(base.clone(), None),
            base,
            generation: 0,
            replaced: 0,
            tail: Tail::default(),
            count: 0,
            own_seq: 1,
        }
    }

    fn update(&mut self, kind: &str) -> Update {
        self.count += 1;
        if kind == "newer" {
            let data = RawValue::from_string(self.count.to_string()).unwrap();
            return Update::of_version(2, 0, (kind, &data), None).unwrap();
        }
        update(kind, self.count)
    }

    fn end(&self) -> u64 {
        self.tail.stored.last().map_or(1_000, |(key, ..)| key.get()) + 1
    }

    fn arrives(&mut self, kind: &str, late: u64) {
        let (update, key) = (self.update(kind), self.end().saturating_sub(late));
        self.tail.store(key, id(2, self.count), update);
    }

    fn made(&mut self, kind: &str) {
        let (update, id) = (self.update(kind), id(1, self.own_seq));
        if self.tip.folded().check_possible().is_err() || !self.tip.push(id, &update) {
            return;
        }
        self.tail.own.push((id, update));
        self.own_seq += 1;
        let (base, steps) = (&self.base, self.tail.steps());
        assert_as_folded(&self.tip, base, &steps, "made");
    }

    fn stored(&mut self, late: u64) {
        if self.tail.own.is_empty() {
            return;
        }
        let (id, update) = self.tail.own.remove(0);
        self.tail.store(self.end().saturating_sub(late), id, update);
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Arrives(kind, late) => self.arrives(kind, *late),
            Event::Made(kind) => self.made(kind),
            Event::Stored(late) => self.stored(*late),
            Event::Refused if self.tail.own.is_empty() => {}
            Event::Refused => {
                self.tail.own.remove(0);
                self.own_seq -= 1;
                for (moved, _) in &mut self.tail.own {
                    moved.seq = Seq::new(moved.seq.get() - 1).unwrap();
                }
            }
            Event::RolledUp(count) => {
                let count = (*count).min(self.tail.stored.len());
                self.base = self.base.after(self.tail.steps().into_iter().take(count));
                self.tail.stored.drain(..count);
                self.generation += 1;
            }
            Event::Replaced(n) if !self.tail.stored.is_empty() => {
                let n = n % self.tail.stored.len();
                self.tail.stored[n].2 = self.update("some");
                self.replaced += 1;
            }
            Event::Replaced(_) => {}
            Event::Begun(count) => {
                let count = (*count).min(self.tail.stored.len());
                self.tail.stored.drain(..count);
                self.base = Folded::initial(self.base.content().clone());
            }
        }
    }

    fn advance(&mut self) {
        let steps = self.tail.steps();
        let stand = Stand {
            base: &self.base,
            at: Some(at(self.generation, self.replaced)),
            steps: &steps,
        };
        self.tip.advance(&stand);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_arrives_it_is_the_plain_fold(reads_key: bool, before in 0_u64..150, events in proptest::collection::vec(event(), 1..60)) {
        let mut world = World::new(Fussy { reads_key, ..Fussy::default() });
        for _ in 0..before {
            world.arrives("some", 0);
        }
        world.advance();
        for event in &events {
            world.happens(event);
            world.advance();
            let steps = world.tail.steps();
            assert_as_folded(&world.tip, &world.base, &steps, &format!("{event:?}"));
        }
    }
}

/// How often an update was applied and a state copied meanwhile.
fn cost(world: &mut World, work: impl FnOnce(&mut World)) -> (u64, u64) {
    let copies = |world: &World| {
        let state: &Lines = world.base.state().downcast_ref().unwrap();
        state.copies.load(Ordering::Relaxed)
    };
    let before = (world.tip.applies(), copies(world));
    work(world);
    (world.tip.applies() - before.0, copies(world) - before.1)
}

fn world(reads_key: bool, updates: u64) -> World {
    let mut world = World::new(Fussy {
        reads_key,
        ..Fussy::default()
    });
    for _ in 0..updates {
        world.arrives("some", 0);
    }
    world.advance();
    world
}

#[test]
fn what_comes_at_the_end_is_applied_and_nothing_else_is() {
    for reads_key in [true, false] {
        let mut world = world(reads_key, 1_000);
        let cost = cost(&mut world, |world| {
            for _ in 0..500 {
                world.arrives("some", 0);
                world.advance();
            }
        });
        assert_eq!(cost, (500, 0));
    }
}

#[test]
fn an_own_update_is_applied_again_only_where_its_key_counts() {
    for (reads_key, expected) in [(true, (2, 1)), (false, (0, 0))] {
        let mut world = world(reads_key, 1_000);
        let make = |world: &mut World| {
            world.made("some");
            world.advance();
        };
        let store = |world: &mut World| {
            world.stored(0);
            world.advance();
        };
        let arrive = |world: &mut World| {
            world.arrives("some", 0);
            world.advance();
        };
        make(&mut world);
        store(&mut world);
        arrive(&mut world);
        for _ in 0..10 {
            // No copy while somebody waits; the comparison in `made` folds all of it once, on one of its own.
            assert_eq!(cost(&mut world, make), (1, 1));
            assert_eq!(cost(&mut world, store), expected);
            arrive(&mut world);
        }
    }
}

#[test]
fn one_that_is_late_costs_a_copy_and_not_the_whole_tail() {
    let mut world = world(false, 1_000);
    world.arrives("some", 3);
    world.advance();
    for n in 0..200 {
        let (applies, copies) = cost(&mut world, |world| {
            world.arrives("some", n % 3);
            world.advance();
        });
        assert!(applies <= 80 && copies <= 1, "{applies} and {copies}");
    }
}
