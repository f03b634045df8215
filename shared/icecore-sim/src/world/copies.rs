//! Folders of replicas that are copied, and go on in the one place and then in the other, or are put back from a backup:
//! what happens to a phone that is replaced, a virtual machine that is cloned, a laptop that is restored. Never two at the
//! same moment: that is what decision 0013 does not promise.

use super::run::{Cast, Process, WRITERS};
use super::{World, actors};
use icecore_replica::Replica;
use icecore_store::Clock;
use std::time::Duration;

/// What each writer's replica held when it was backed up or copied.
#[derive(Default)]
pub(super) struct Copies {
    backups: [Option<Replica>; WRITERS],
    /// The replicas that a folder and its copy are.
    twins: Vec<[usize; 2]>,
    /// What stands still, and until when: nothing that it has sent is under way any more then.
    resting: Vec<(usize, Duration)>,
}

impl Copies {
    /// Now and then copies a replica, changes to its copy or back, backs it up, or puts it back.
    pub(super) fn take_their_turn(&mut self, world: &World, cast: &mut Cast) {
        let now = world.clock.monotonic();
        let rested: Vec<usize> = self
            .resting
            .extract_if(.., |(_, until)| *until <= now)
            .map(|(index, _)| index)
            .collect();
        for index in rested {
            processes(cast, index).for_each(Process::go_on);
        }
        if !world.random.chance(0.15) {
            return;
        }
        let index = world
            .random
            .between(0, i64::try_from(WRITERS).unwrap_or(1) - 1);
        let index = usize::try_from(index).unwrap_or(0);
        let family = self.twins.iter().find(|twins| twins.contains(&index));
        let family = family.map_or_else(|| vec![index], |twins| twins.to_vec());
        if self.resting.iter().any(|(index, _)| family.contains(index)) {
            return;
        }
        let active = family
            .iter()
            .copied()
            .find(|index| processes(cast, *index).any(|p| !p.stopped));
        let active = active.unwrap_or(index);
        match (family.as_slice(), world.random.chance(0.5)) {
            ([only], true) => {
                let next = copy(world, cast, *only);
                self.twins.push([*only, next]);
                self.change(world, cast, active, next);
            }
            ([one, other], true) => {
                let next = if active == *one { *other } else { *one };
                self.change(world, cast, active, next);
            }
            _ => match self.backups[index].take() {
                None => {
                    let copy = cast.replicas[index].0.testonly_copy().expect("a copy");
                    self.backups[index] = Some(copy);
                }
                Some(backup) => {
                    put_back(world, cast, index, &backup);
                    self.change(world, cast, active, index);
                }
            },
        }
    }

    /// The one stops, and the other goes on when nothing of it is under way any more.
    fn change(&mut self, world: &World, cast: &mut Cast, from: usize, to: usize) {
        for index in [from, to] {
            processes(cast, index).for_each(Process::stop);
        }
        let under_way = u64::try_from(world.plan.faults.zombie_delay_max).unwrap_or(0);
        let rest = Duration::from_millis(under_way) + Duration::from_mins(1);
        self.resting.push((to, world.clock.monotonic() + rest));
    }
}

fn processes(cast: &mut Cast, index: usize) -> impl Iterator<Item = &mut Process> {
    let all = cast.processes.iter_mut();
    all.filter(move |process| process.replica == Some(index))
}

/// The copy has the clock of its original, and its network.
fn copy(world: &World, cast: &mut Cast, index: usize) -> usize {
    let (replica, clock, own) = cast.replicas[index].clone();
    let copy = replica.testonly_copy().expect("a copy");
    cast.replicas.push((copy, clock, own));
    let next = cast.replicas.len() - 1;
    cast.open(next, false);
    world.log().copied += 1;
    next
}

/// What was queued since the backup, and not sent, is gone with the disk that it was on.
fn put_back(world: &World, cast: &Cast, index: usize, backup: &Replica) {
    let (replica, _, own) = &cast.replicas[index];
    let mut session = replica.space(&own.space).expect("a space");
    actors::note_set_aside(world, &mut session);
    let queued = session.pending(usize::MAX).expect("what is queued");
    for pending in queued {
        actors::lose(world, pending.update.as_text());
    }
    world.log().put_back += 1;
    replica.testonly_put_back(backup).expect("a copy");
}
