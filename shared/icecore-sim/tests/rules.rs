//! Each safety rule is needed: with it the simulation passes, without it the simulation notices.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test tells what it ran and stops at what it did not expect"
)]

use icecore_core::rules::Rule;
use icecore_sim::bucket::Faults;
use icecore_sim::checker::Verdict;
use icecore_sim::world::{Plan, run_with};

/// Seeds that must pass with the rule on.
const SEEDS: std::ops::Range<u64> = 0..40;
/// Seeds of which one must fail with the rule off: some rules are needed in one run of forty only.
const SEEDS_WITHOUT: std::ops::Range<u64> = 0..400;

/// How a failure shows without the rule.
type Expected = fn(&Verdict) -> bool;

fn bites(name: &str, with: Plan, without: Plan, acceptable: Expected, expected: Expected) {
    for seed in SEEDS {
        let verdict = run_with(seed, with).verdict;
        assert!(
            acceptable(&verdict),
            "{name}: with the rule, seed {seed} gives {verdict:?}"
        );
    }
    let failed = SEEDS_WITHOUT
        .map(|seed| (seed, run_with(seed, without).verdict))
        .find(|(_, verdict)| expected(verdict));
    let Some((seed, verdict)) = failed else {
        panic!("{name}: the simulation does not notice that the rule is off");
    };
    println!("{name}: without the rule seed {seed} is the first that fails: {verdict:.300?}");
}

fn kept(verdict: &Verdict) -> bool {
    *verdict == Verdict::Kept
}

/// A replaced segment is reported: by whoever reads on, or by `verify`.
fn kept_or_reported(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Kept | Verdict::Reported(_) | Verdict::Unverified(_)
    )
}

fn off(rule: Rule, plan: Plan) -> Plan {
    Plan {
        rule_off: Some(rule),
        ..plan
    }
}

#[test]
fn own_write_recognition() {
    let plan = Plan {
        faults: Faults::retries(),
        crashes: false,
        wrong_clocks: false,
        epochs: false,
        pruning: false,
        ..Plan::everything()
    };
    let twice = |v: &Verdict| matches!(v, Verdict::Costly(_));
    bites(
        "own-write recognition",
        plan,
        off(Rule::OwnWriteRecognition, plan),
        kept,
        twice,
    );
}

#[test]
fn effective_order() {
    let plan = Plan::everything();
    let order = |v: &Verdict| {
        matches!(
            v,
            Verdict::Order(_) | Verdict::Surprise(_) | Verdict::Diverged(_)
        )
    };
    bites(
        "effective order",
        plan,
        off(Rule::EffectiveOrder, plan),
        kept,
        order,
    );
}

#[test]
fn gap_rule() {
    let plan = Plan::everything();
    let order = |v: &Verdict| {
        matches!(
            v,
            Verdict::Order(_) | Verdict::Surprise(_) | Verdict::Diverged(_)
        )
    };
    bites("gap rule", plan, off(Rule::GapRule, plan), kept, order);
}

#[test]
fn prune_only_covered() {
    // Roll-ups that are slower than the retention, and long enough for several of them. A new epoch would roll up too, and
    // so would replicas.
    let plan = Plan {
        slow_roll_ups: true,
        epochs: false,
        tails: false,
        seconds: 45 * 60,
        ..Plan::everything()
    };
    // What was deleted looks like a bucket that was put back: whoever holds it says so, and its author sends it again.
    let lost = |v: &Verdict| {
        matches!(
            v,
            Verdict::Lost(_) | Verdict::Diverged(_) | Verdict::Surprise(_)
        )
    };
    bites(
        "prune only covered",
        plan,
        off(Rule::PruneOnlyCovered, plan),
        kept,
        lost,
    );
}

#[test]
fn generation_gap() {
    let plan = Plan {
        segments_removed: true,
        epochs: false,
        ..Plan::everything()
    };
    // A slow roll-up may write a segment again that was removed meanwhile: then another one is in its place.
    let wrong = |v: &Verdict| !kept_or_reported(v);
    bites(
        "generation gap",
        plan,
        off(Rule::GenerationGap, plan),
        kept_or_reported,
        wrong,
    );
}

#[test]
fn put_if_absent() {
    let with = Plan::everything();
    let without = Plan {
        no_put_if_absent: true,
        ..with
    };
    let wrong = |v: &Verdict| !kept(v);
    bites("put-if-absent", with, without, kept, wrong);
}

#[test]
fn hash_chain() {
    let plan = Plan {
        tampering: true,
        epochs: false,
        ..Plan::everything()
    };
    let silent = |v: &Verdict| !kept_or_reported(v);
    bites(
        "hash chain",
        plan,
        off(Rule::HashChain, plan),
        kept_or_reported,
        silent,
    );
}

#[test]
fn own_hint() {
    let plan = Plan::everything();
    let costly = |v: &Verdict| matches!(v, Verdict::Costly(_));
    bites("own hint", plan, off(Rule::OwnHint, plan), kept, costly);
}
