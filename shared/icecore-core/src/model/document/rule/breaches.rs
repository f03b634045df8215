//! Finding what breaks a rule.

use super::{Demand, Kind, Rule};
use crate::model::Violation;
use crate::model::document::members::Members;
use crate::model::document::node::Node;
use crate::model::document::pattern::pointer_of;
use crate::model::document::{apply, number, order};
use crate::reason::Reason;
use serde_json::Number;
use std::collections::BTreeMap;

/// The most violations of one rule that are listed, the first in the order of the state: they are stored
/// with every snapshot. The others show when these are settled.
pub const VIOLATIONS_MAX: usize = 1000;

/// What breaks the rules, in order.
pub(in crate::model::document) fn check(rules: &[Rule], root: &Members) -> Vec<Violation> {
    let mut violations: Vec<Violation> =
        rules.iter().flat_map(|rule| rule.breaches(root)).collect();
    violations.sort_by(|a, b| (&a.rule, &a.paths).cmp(&(&b.rule, &b.paths)));
    violations.dedup();
    violations
}

impl Rule {
    fn breaches(&self, root: &Members) -> Vec<Violation> {
        if self.demand == Demand::Unique {
            return self.repetitions(root);
        }
        let mut violations = Vec::new();
        self.path.visit(root, &mut |way, value| {
            if violations.len() == VIOLATIONS_MAX {
                return;
            }
            if let Some(reason) = self.problem(value) {
                violations.push(self.violation(vec![pointer_of(way)], reason));
            }
        });
        violations
    }

    fn violation(&self, paths: Vec<String>, reason: Reason) -> Violation {
        Violation {
            rule: self.to_string(),
            paths,
            reason,
        }
    }

    /// What is wrong with one value.
    fn problem(&self, value: Option<&Node>) -> Option<Reason> {
        match (&self.demand, value) {
            (Demand::Required, None) => Some(Reason::built_in("required")),
            (Demand::Max(limit), Some(Node::Number(number))) if is_less(limit, number) => {
                Some(beyond("max", number, limit))
            }
            (Demand::Min(limit), Some(Node::Number(number))) if is_less(number, limit) => {
                Some(beyond("min", number, limit))
            }
            (Demand::Type(kind), Some(value)) if !kind.fits(value) => {
                let reason = Reason::built_in("type").text("found", apply::type_of(value));
                Some(reason.text("expected", kind.name()))
            }
            (Demand::OneOf(allowed), Some(value))
                if !allowed
                    .iter()
                    .any(|allowed| Node::from(allowed.clone()) == *value) =>
            {
                Some(Reason::built_in("one-of").json("value", value))
            }
            _ => None,
        }
    }

    /// Each value that stands in several places, with these places.
    fn repetitions(&self, root: &Members) -> Vec<Violation> {
        let mut values: Vec<&Node> = Vec::new();
        self.path.visit(root, &mut |_, value| values.extend(value));
        values.sort_by(|left, right| order::compare_nodes(left, right));
        let repeated: Vec<&Node> = values
            .chunk_by(|left, right| order::compare_nodes(left, right).is_eq())
            .filter(|equal| equal.len() > 1)
            .map(|equal| equal[0])
            .take(VIOLATIONS_MAX)
            .collect();
        if repeated.is_empty() {
            return Vec::new();
        }
        // Pointers are built only where something is wrong: most checks find nothing.
        let mut places: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        self.path.visit(root, &mut |way, value| {
            let found = value
                .map(|value| repeated.binary_search_by(|probe| order::compare_nodes(probe, value)));
            if let Some(Ok(index)) = found {
                places.entry(index).or_default().push(pointer_of(way));
            }
        });
        let describe = |(index, mut paths): (usize, Vec<String>)| {
            paths.sort();
            let reason = Reason::built_in("unique").with("count", paths.len());
            self.violation(paths, reason.json("value", repeated[index]))
        };
        places.into_iter().map(describe).collect()
    }
}

impl Kind {
    fn fits(self, value: &Node) -> bool {
        match self {
            Self::Array => matches!(value, Node::Array(_)),
            Self::Boolean => matches!(value, Node::Bool(_)),
            Self::Integer => matches!(value, Node::Number(number) if !number.is_f64()),
            Self::Number => matches!(value, Node::Number(_)),
            Self::Object => matches!(value, Node::Object(_)),
            Self::String => matches!(value, Node::String(_)),
        }
    }
}

fn is_less(left: &Number, right: &Number) -> bool {
    number::compare(left, right).is_lt()
}

fn beyond(rule: &str, value: &Number, limit: &Number) -> Reason {
    let reason = Reason::built_in(rule).json("value", value);
    reason.json("limit", limit)
}
