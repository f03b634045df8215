//! Whether the five promises held: nothing acknowledged or queued is lost, nothing is applied twice or out of its
//! author's order, all replicas are equal byte for byte, the history verifies, an idle poll is one request.

use crate::ledger::doubled_text;
use crate::world::World;
use icecore_core::model::log::{Entry, State};
use icecore_core::{Digest, Order, SpaceName, UpdateId, UpdateObject};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::verify::{Problem, verify};
use icecore_store::{Reader, Store};
use std::collections::{BTreeMap, BTreeSet};

/// The first promise that was broken, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All five held.
    Kept,
    /// An acknowledged update is not in the final state.
    Lost(String),
    /// An update that a queue held is not in the final state, although every queue has drained.
    Vanished(String),
    /// A queue does not drain although nothing goes wrong any more.
    Stuck(String),
    /// An id is in the state twice.
    Twice(String),
    /// An update is in the state twice, under two ids.
    Doubled(String),
    /// The state holds an update that nobody made.
    Invented(String),
    /// An update that was reported as redacted is still in the state.
    Remained(String),
    /// An author's updates are out of their order.
    Order(String),
    /// Two replicas hold different states.
    Diverged(String),
    /// What was written on a good day is not seen when it must be.
    Unseen(String),
    /// The history does not verify.
    Unverified(String),
    /// An idle poll took more than one request.
    Costly(String),
    /// Something else that must not happen.
    Surprise(String),
    /// A broken history was noticed and reported, as it must be when somebody tampered with it.
    Reported(String),
}

/// The ids and texts in a state, in its order.
fn lines(state: &State) -> Vec<(UpdateId, String)> {
    let line = |e: &Entry| {
        let (author, seq) = (e.author, e.seq);
        let text = e.data.as_str().unwrap_or_default().to_owned();
        (UpdateId { author, seq }, text)
    };
    state.entries().iter().map(line).collect()
}

/// What holds at any moment for any replica: nothing twice, under one id or under two, and, where the bucket was not put
/// back to an older state, each author in order.
///
/// # Errors
/// What does not hold.
pub fn check_view(session: &mut SpaceReplica, ordered: bool) -> Result<(), String> {
    let folded = session.state().map_err(|e| e.to_string())?;
    let state: &State = folded.state().downcast_ref().ok_or("the state is no log")?;
    let lines = lines(state);
    for verdict in [twice_or_unordered(&lines, ordered), doubled_text(&lines)] {
        if verdict != Verdict::Kept {
            return Err(format!("a reader saw {verdict:?}"));
        }
    }
    Ok(())
}

/// The first of these texts that the replica does not show.
pub fn unseen(session: &mut SpaceReplica, texts: &[String]) -> Option<String> {
    let folded = session.state().expect("a state");
    let state: &State = folded.state().downcast_ref().expect("a log");
    let shown: BTreeSet<String> = lines(state).into_iter().map(|(_, text)| text).collect();
    texts.iter().find(|text| !shown.contains(*text)).cloned()
}

fn twice_or_unordered(lines: &[(UpdateId, String)], ordered: bool) -> Verdict {
    let mut seen = BTreeSet::new();
    let mut last: BTreeMap<_, _> = BTreeMap::new();
    for (id, _) in lines {
        if !seen.insert(*id) {
            return Verdict::Twice(id.to_string());
        }
        if let Some(before) = last.insert(id.author, id.seq)
            && before > id.seq
            && ordered
        {
            return Verdict::Order(format!("{id} after {before}"));
        }
    }
    Verdict::Kept
}

/// A digest of the state that a stranger reads.
pub async fn state_digest(store: &Store, space: &SpaceName) -> String {
    match Reader::open(store, space).await {
        Ok(reader) => reader
            .state()
            .state_json()
            .map_or_else(|e| e.to_string(), |json| Digest::of(&json).to_string()),
        Err(error) => error.to_string(),
    }
}

/// What was noted while the actors worked.
fn noted(world: &World) -> Option<Verdict> {
    let log = world.log();
    let corrupt = log.corrupt.first().cloned().map(Verdict::Reported);
    let surprise = log.surprises.first().cloned().map(Verdict::Surprise);
    let stuck = log.stuck.first().cloned().map(Verdict::Stuck);
    corrupt.or(surprise).or(stuck)
}

/// Judges the end of a run.
pub async fn check(world: &World, replicas: &[Replica], calm: &Store) -> Verdict {
    if let Some(noted) = noted(world) {
        return noted;
    }
    let reference = match Reader::open(calm, &world.space).await {
        Ok(reader) => reader,
        Err(error) => return Verdict::Reported(error.to_string()),
    };
    let folded = reference.state();
    let state: &State = folded.state().downcast_ref().expect("a log");
    let lines = lines(state);
    let restored = world.log().restores > 0;
    // Whoever wrote on before it noticed that the bucket was put back left a gap, which a roll-up may have passed.
    let in_order = twice_or_unordered(&lines, !restored);
    for verdict in [in_order, world.log().ledger.judge(&lines)] {
        if verdict != Verdict::Kept {
            return verdict;
        }
    }
    let bytes = folded.state_json().expect("JSON");
    for replica in replicas {
        let verdict = check_replica(world, replica, &bytes).await;
        if verdict != Verdict::Kept {
            return verdict;
        }
    }
    for replica in replicas {
        let verdict = check_write(world, replica).await;
        if verdict != Verdict::Kept {
            return verdict;
        }
    }
    if world.plan.only_retries() {
        let verdict = check_stored_once(world);
        if verdict != Verdict::Kept {
            return verdict;
        }
    }
    check_history(world, calm).await
}

/// Where nothing but a client's own retries went wrong, no update is stored under two keys.
fn check_stored_once(world: &World) -> Verdict {
    world.bucket.with_disk(|disk| {
        let mut stored = BTreeSet::new();
        for (path, object) in disk
            .objects
            .iter()
            .filter(|(path, _)| path.contains("/updates/"))
        {
            let object = UpdateObject::from_json(&object.bytes).expect("an update object");
            if let Some((id, _)) = object.entries().find(|(id, _)| !stored.insert(*id)) {
                return Verdict::Costly(format!("{id} is stored twice, again at {path}"));
            }
        }
        Verdict::Kept
    })
}

async fn check_replica(world: &World, replica: &Replica, expected: &[u8]) -> Verdict {
    let mut session = replica
        .reopened(world.calm_store())
        .space(&world.space)
        .expect("a space");
    for _ in 0..2 {
        if let Err(error) = session.pull().await {
            return Verdict::Reported(format!("the last pull: {error}"));
        }
    }
    let bytes = session
        .state()
        .and_then(|s| s.state_json())
        .expect("a state");
    if bytes != expected {
        return Verdict::Diverged(format!(
            "{}\n  instead of\n{}",
            String::from_utf8_lossy(&bytes),
            String::from_utf8_lossy(expected)
        ));
    }
    let before = world.bucket.happened();
    if let Err(error) = session.pull().await {
        return Verdict::Surprise(error.to_string());
    }
    let after = world.bucket.happened();
    if (after.gets - before.gets, after.lists - before.lists) != (1, 0) {
        return Verdict::Costly(format!("{before:?} → {after:?}"));
    }
    Verdict::Kept
}

/// A write of a running replica, alone: the poll that a sync begins with, its PUT and its hint, and in a sequenced space the
/// look whether its place counts.
async fn check_write(world: &World, replica: &Replica) -> Verdict {
    let calm = replica.reopened(world.calm_store());
    let mut session = calm.space(&world.space).expect("a space");
    if let Err(error) = session.sync().await {
        return Verdict::Reported(format!("the last sync: {error}"));
    }
    let looks = match world.plan.order {
        Order::Timestamp => 0,
        Order::Sequence => 2,
    };
    // The second one shows that the first has not woken its own writer.
    for _ in 0..2 {
        crate::world::actors::enqueue(world, &mut session, &world.clock);
        let before = world.bucket.happened();
        if let Err(error) = session.sync().await {
            return Verdict::Surprise(format!("the last write: {error}"));
        }
        let after = world.bucket.happened();
        let spent = (
            after.requests - before.requests,
            after.gets - before.gets,
            after.lists - before.lists,
        );
        if spent != (3 + looks, 1, looks) {
            return Verdict::Costly(format!("a write: {spent:?} requests, GETs and LISTs"));
        }
    }
    Verdict::Kept
}

async fn check_history(world: &World, calm: &Store) -> Verdict {
    if world.plan.segments_removed {
        return Verdict::Kept; // The operator has given up the history's beginning.
    }
    let restored = world.log().restores > 0;
    let is_expected =
        |problem: &&Problem| restored && problem.message.contains("stands after update");
    match verify(calm, &world.space, &mut |_, _| {}).await {
        Err(error) => Verdict::Unverified(error.to_string()),
        Ok(report) => match report.problems.iter().find(|p| !is_expected(p)) {
            Some(problem) => Verdict::Unverified(format!("{problem:?}")),
            None => Verdict::Kept,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore_core::{Author, Seq};

    fn line(author: u64, seq: u64) -> (UpdateId, String) {
        let (author, seq) = (Author::from_parts(author, 1), Seq::MIN.saturating_add(seq));
        (UpdateId { author, seq }, String::new())
    }

    #[test]
    fn authors_may_alternate_and_leave_seqs_out() {
        let lines = [line(1, 0), line(2, 0), line(1, 2), line(2, 1)];
        assert_eq!(twice_or_unordered(&lines, true), Verdict::Kept);
    }

    #[test]
    fn an_id_that_stands_there_twice_is_noticed() {
        let lines = [line(1, 0), line(2, 0), line(1, 0)];
        assert!(matches!(
            twice_or_unordered(&lines, true),
            Verdict::Twice(_)
        ));
    }

    #[test]
    fn an_author_whose_updates_changed_places_is_noticed() {
        let lines = [line(1, 1), line(2, 0), line(1, 0)];
        assert!(matches!(
            twice_or_unordered(&lines, true),
            Verdict::Order(_)
        ));
    }
}
