//! The five promises under everything that can go wrong, seed by seed.
//!
//! `ICECORE_SIM_SEEDS=7`, `=1,2,3` or `=1..200` runs those seeds instead of the usual ones.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test tells what it ran and stops at what it did not expect"
)]

use icecore_core::Order;
use icecore_sim::bucket::Happened;
use icecore_sim::checker::Verdict;
use icecore_sim::world::{Outcome, Plan, Pruned, run_with};
use std::sync::atomic::{AtomicUsize, Ordering};

/// From so many seeds on, each kind of thing that a plan allows must have happened in one of them at least.
const SEEDS_THAT_SHOW_EVERYTHING: usize = 60;

fn seeds(usual: std::ops::Range<u64>) -> Vec<u64> {
    #[expect(clippy::disallowed_methods, reason = "the developer names the seeds")]
    let Ok(text) = std::env::var("ICECORE_SIM_SEEDS") else {
        return usual.collect();
    };
    match text.split_once("..") {
        Some((from, to)) => (from.parse().unwrap()..to.parse().unwrap()).collect(),
        None => text
            .split(',')
            .map(|seed| seed.trim().parse().unwrap())
            .collect(),
    }
}

/// Runs the seeds on all cores and returns what failed.
fn run_all(seeds: &[u64], plan: Plan) -> Vec<(u64, Outcome)> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut outcomes = Vec::new();
                    while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                        outcomes.push((*seed, run_with(*seed, plan)));
                    }
                    outcomes
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    })
}

fn all_kept(name: &str, usual: std::ops::Range<u64>, plan: Plan) {
    let outcomes = run_all(&seeds(usual), plan);
    let total: usize = outcomes.iter().map(|(_, o)| o.acknowledged).sum();
    let requests: u64 = outcomes.iter().map(|(_, o)| o.happened.requests).sum();
    let (layers, epochs, late) = outcomes.iter().fold((0, 0, 0), |a, (_, o)| {
        (a.0 + o.layers, a.1 + o.epochs, a.2 + o.late)
    });
    let held: u64 = outcomes.iter().map(|(_, o)| o.held).sum();
    let passing: u64 = outcomes.iter().map(|(_, o)| o.passing).sum();
    let (mut pruned, mut redacted, mut rotations) = (Pruned::default(), 0, 0);
    let (mut resets, mut links, mut restores, mut copies) = (0, 0, 0, (0, 0));
    for (_, outcome) in &outcomes {
        resets += outcome.resets;
        links += outcome.links;
        restores += outcome.restores;
        copies.0 += outcome.copies.0;
        copies.1 += outcome.copies.1;
        pruned += outcome.pruned;
        redacted += outcome.redacted;
        rotations += outcome.rotations;
    }
    println!(
        "{name}: {} seeds, {total} acknowledged updates, {requests} requests, {layers} segments and snapshots, \
         {epochs} epochs, {redacted} redacted, {resets} resets, {links} links, {restores} restored, {copies:?} replicas copied and put back, {rotations} keys, {late} late, {passing} in passing, {pruned:?}",
        outcomes.len()
    );
    let never = faults_that_never_happened(&outcomes);
    let enough = outcomes.len() >= SEEDS_THAT_SHOW_EVERYTHING;
    all_keep(name, outcomes);
    assert!(total > 0);
    // A simulation in which a thing never happens says nothing about it.
    if enough {
        assert!(never.is_empty(), "{name}: not once {never:?}");
        assert!(
            late > 0 || plan.order == Order::Sequence,
            "nothing came late"
        );
        assert!(
            passing > 0 || plan.gateway || !plan.tails,
            "no replica rolled up"
        );
        assert!(pruned.updates > 0, "no update object was pruned");
        assert!(pruned.snapshots > 0, "no snapshot was pruned");
        assert!(rotations > 0 || !plan.encrypted, "no key was rotated");
        assert!(held > 0 || !plan.versions, "no program held");
        assert!(resets > 0 || !plan.resets, "nothing was reset");
        assert!(links > 0 || !plan.linked, "no space was linked");
        assert!(restores > 0 || !plan.restores, "nothing was put back");
        assert!(
            !plan.copies || copies.0.min(copies.1) > 0,
            "no replica was copied, or none put back"
        );
        if plan.epochs {
            assert!(pruned.epochs > 0, "no epoch was pruned");
            assert!(redacted > 0 || plan.restores, "no update was redacted");
        }
    }
}

/// Shows what failed, with the seeds that show it again.
fn all_keep(name: &str, outcomes: Vec<(u64, Outcome)>) {
    let mut failed: Vec<_> = outcomes
        .into_iter()
        .filter(|(_, o)| o.verdict != Verdict::Kept)
        .collect();
    failed.sort_by_key(|(seed, _)| *seed);
    for (seed, outcome) in failed.iter().take(5) {
        println!(
            "ICECORE_SIM_SEEDS={seed} fails: {:.1500}",
            format!("{:?}", outcome.verdict)
        );
        println!("{:.6000}", outcome.tree);
    }
    assert!(
        failed.is_empty(),
        "{name}: {} seeds fail, first {}",
        failed.len(),
        failed[0].0
    );
}

fn faults_that_never_happened(outcomes: &[(u64, Outcome)]) -> Vec<&'static str> {
    type Count = fn(&Happened) -> u64;
    let counts: [(&'static str, Count); 5] = [
        ("an answer lost", |h| h.lost_responses),
        ("a write that landed late", |h| h.zombies),
        ("a deletion that landed late", |h| h.late_deletes),
        ("a write retried inside", |h| h.retried_inside),
        ("a request refused", |h| h.refused),
    ];
    let never = counts
        .iter()
        .filter(|(_, count)| outcomes.iter().all(|(_, o)| count(&o.happened) == 0));
    never.map(|(fault, _)| *fault).collect()
}

#[test]
fn everything_at_once() {
    all_kept("everything", 0..140, Plan::everything());
}

/// Runs that failed once: a roll-up that slept until its epoch was removed called the history broken; and a writer with a slow
/// clock took a key that a redacted epoch remembers, so that its update was read by nobody. A writer in a sequence called the
/// history broken that was put back behind it.
#[test]
fn runs_that_failed_once() {
    let restored = Plan {
        restores: true,
        order: Order::Sequence,
        tails: false,
        ..Plan::everything()
    };
    let plan = Plan {
        tails: false,
        ..Plan::everything()
    };
    let mut outcomes = run_all(&[100_004, 100_945, 102_275], plan);
    outcomes.extend(run_all(&[100_075], restored));
    for (seed, outcome) in outcomes {
        assert_eq!(outcome.verdict, Verdict::Kept, "seed {seed}");
    }
}

#[test]
fn without_new_epochs() {
    all_kept(
        "without epochs",
        10_000..10_070,
        Plan {
            epochs: false,
            ..Plan::everything()
        },
    );
}

/// Writers, readers, roll-ups and whoever begins epochs are of one version of the model or the other, at each start.
#[test]
fn mixed_versions() {
    let plan = Plan {
        versions: true,
        ..Plan::everything()
    };
    all_kept("versions", 60_000..60_060, plan);
}

#[test]
fn mixed_versions_in_sequence() {
    let plan = Plan {
        versions: true,
        order: Order::Sequence,
        ..Plan::everything()
    };
    all_kept("versions, sequence", 61_000..61_040, plan);
}

#[test]
fn mixed_versions_encrypted() {
    let plan = Plan {
        versions: true,
        encrypted: true,
        ..Plan::everything()
    };
    all_kept("versions, encrypted", 62_000..62_040, plan);
}

#[test]
fn in_sequence() {
    let plan = Plan {
        order: Order::Sequence,
        ..Plan::everything()
    };
    all_kept("sequence", 0..70, plan);
}

/// Who rolls up and prunes holds no key; the snapshots are written by those who read.
#[test]
fn encrypted() {
    let plan = Plan {
        encrypted: true,
        ..Plan::everything()
    };
    all_kept("encrypted", 50_000..50_060, plan);
}

#[test]
fn encrypted_in_sequence() {
    let plan = Plan {
        encrypted: true,
        order: Order::Sequence,
        ..Plan::everything()
    };
    all_kept("encrypted, sequence", 51_000..51_040, plan);
}

#[test]
fn through_a_gateway() {
    let plan = Plan {
        gateway: true,
        ..Plan::everything()
    };
    all_kept("gateway", 40_000..40_040, plan);
}

#[test]
fn in_sequence_through_a_gateway() {
    let plan = Plan {
        gateway: true,
        order: Order::Sequence,
        ..Plan::everything()
    };
    all_kept("gateway, sequence", 41_000..41_030, plan);
}

/// Each writer and reader has a token of its own author, and nothing else.
#[test]
fn through_a_gateway_with_bound_tokens() {
    let plan = Plan {
        gateway: true,
        bound_tokens: true,
        ..Plan::everything()
    };
    all_kept("gateway, bound", 42_000..42_030, plan);
}

#[test]
fn with_resets() {
    let plan = Plan {
        resets: true,
        ..Plan::everything()
    };
    all_kept("resets", 60_000..60_100, plan);
}

/// What a guest writes before, while and after its space joins the other one.
#[test]
fn with_a_guest_who_joins() {
    let plan = Plan {
        linked: true,
        ..Plan::everything()
    };
    all_kept("guest", 61_000..61_060, plan);
}

#[test]
fn with_restored_buckets() {
    for order in [Order::Timestamp, Order::Sequence] {
        all_kept(
            "restored",
            63_000..63_060,
            Plan {
                restores: true,
                order,
                ..Plan::everything()
            },
        );
    }
}

/// Folders of replicas are copied and go on as two, and are put back from backups.
#[test]
fn with_copied_replicas() {
    let copies = Plan {
        copies: true,
        seconds: 40 * 60,
        ..Plan::everything()
    };
    let in_sequence = Plan {
        order: Order::Sequence,
        ..copies
    };
    let encrypted = Plan {
        encrypted: true,
        ..copies
    };
    all_kept("copies", 64_000..64_040, copies);
    all_kept("copies, sequence", 64_000..64_030, in_sequence);
    all_kept("copies, encrypted", 64_000..64_020, encrypted);
}

#[test]
fn erased_in_the_end() {
    let plan = Plan {
        erased: true,
        ..Plan::everything()
    };
    all_kept("erased", 62_000..62_060, plan);
}

#[test]
fn long_lives_with_pruning() {
    all_kept("long lives", 30_000..30_010, Plan::long_life());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        assert_eq!(
            run_with(seed, Plan::everything()),
            run_with(seed, Plan::everything()),
            "seed {seed}"
        );
    }
}
