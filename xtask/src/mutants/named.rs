//! The faults by name: each takes one safety rule away.

/// A fault, as a change of one place.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    /// Stands once in the file.
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

pub(super) const NAMED: &[Named] = &[
    Named {
        name: "pruning ignores the age of the key",
        file: "shared/icecore-store/src/prune.rs",
        from: "&& (info.order == Order::Sequence || l.key <= horizon || far_ahead(base, l, age.now))",
        to: "&& (info.order == Order::Sequence || l.key <= horizon || l.key > horizon)",
    },
    Named {
        name: "pruning takes an object of which any update is covered",
        file: "shared/icecore-store/src/prune.rs",
        from: "object.entries().all(|(id, _)| base.covered.contains(id))",
        to: "object.entries().any(|(id, _)| base.covered.contains(id))",
    },
    Named {
        name: "pruning does not sweep an epoch before it removes it",
        file: "shared/icecore-store/src/prune.rs",
        from: "sweep::sweep(store, info, &covered, sweep::Depth::Everything).await?;",
        to: "",
    },
    Named {
        name: "pruning does not sweep an epoch that is not named",
        file: "shared/icecore-store/src/prune.rs",
        from: "if !names_epoch(info, epoch) {\n            match",
        to: "if false && !names_epoch(info, epoch) {\n            match",
    },
    Named {
        name: "how far a roll-up reaches is not capped",
        file: "shared/icecore-core/src/plan/rollup.rs",
        from: "clamp(horizon.settled.min(horizon.now).min(newest))",
        to: "clamp(horizon.settled.max(newest))",
    },
    Named {
        name: "a gap is passed by a listing that may miss something",
        file: "shared/icecore-store/src/rollup.rs",
        from: "complete: full && last && !listing.resumed && self.misses_nothing(),",
        to: "complete: full && last && !listing.resumed,",
    },
    Named {
        name: "a sweep has no margin",
        file: "shared/icecore-store/src/epochs/sweep.rs",
        from: "old.settled_at.saturating_sub(millis(MARGIN))",
        to: "old.settled_at",
    },
    Named {
        name: "the head counts as seen before the listing",
        file: "shared/icecore-store/src/reader/poll.rs",
        from: "let polled = self.look_further(check, head.as_ref()).await?;",
        to: "self.head_version.clone_from(&version);\n        let polled = self.look_further(check, head.as_ref()).await?;",
    },
    Named {
        name: "the listing point moves before what was listed is read",
        file: "shared/icecore-store/src/reader/listing.rs",
        from: "let unknown: Vec<Listed<Key>> = listed.into_iter()",
        to: "self.listed_to = Some(began);\n        let unknown: Vec<Listed<Key>> = listed.into_iter()",
    },
    Named {
        name: "own updates are forgotten though no segment covers them",
        file: "shared/icecore-replica/src/sync/pull.rs",
        from: "WHERE space = ?1 AND covered AND acked_at < ?2",
        to: "WHERE space = ?1 AND acked_at < ?2",
    },
    Named {
        name: "own updates are forgotten as soon as a segment covers them",
        file: "shared/icecore-replica/src/sync/pull.rs",
        from: "const OWN_KEPT_MIN: i64 = 10_000;",
        to: "const OWN_KEPT_MIN: i64 = 0;",
    },
    Named {
        name: "a write to a place of a sequence that was rolled past counts",
        file: "shared/icecore-store/src/reader/poll.rs",
        from: "Ok(ahead.covered.contains(id) || key > ahead.through)",
        to: "Ok(ahead.covered.contains(id) || key >= Key::MIN)",
    },
    Named {
        name: "copies of a replica send what waits in them under authors of their own",
        file: "shared/icecore-replica/src/sync/pull.rs",
        from: "None => heir(content, id, update),",
        to: "None => heir(content, id, update).filter(|_| false),",
    },
    Named {
        name: "what another copy has sent under the next author is not looked at",
        file: "shared/icecore-replica/src/sync/pull.rs",
        from: "if pulled.new_author.is_none() || self.pending(1)?.is_empty() {",
        to: "if pulled.new_author.is_none() || self.pending(1).is_ok() {",
    },
    Named {
        name: "two sessions of a replica in memory do not take turns",
        file: "shared/icecore-replica/src/replica.rs",
        from: "while self.turn.swap(true, Ordering::Acquire) {",
        to: "while false {",
    },
    Named {
        name: "an epoch's number alone names it",
        file: "shared/icecore-store/src/reader.rs",
        from: "let another = unlocked || readable_now || open.info.epoch != self.base.epoch;",
        to: "let another = unlocked || readable_now || open.info.epoch.number() != self.base.epoch.number();",
    },
    Named {
        name: "own updates are not looked for in a bucket that was put back",
        file: "shared/icecore-replica/src/sync/restored.rs",
        from: "if !polled.checked && !polled.new_epoch {",
        to: "if true {",
    },
    Named {
        name: "a segment that was replaced is taken for the same",
        file: "shared/icecore-store/src/reader/poll.rs",
        from: "if !is_continued(&store, &self.info, &self.base, &layers, &mut self.stamp).await? {",
        to: "if false && !is_continued(&store, &self.info, &self.base, &layers, &mut self.stamp).await? {",
    },
    Named {
        name: "a key that the base remembers as rolled up is written to",
        file: "shared/icecore-core/src/plan/key.rs",
        from: "while self.is_known(key) {",
        to: "while false && self.is_known(key) {",
    },
];
