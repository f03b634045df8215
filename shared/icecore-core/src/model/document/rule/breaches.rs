//! Finding what breaks a rule.

use super::{Demand, Kind, Rule};
use crate::canonical;
use crate::model::Violation;
use crate::model::document::members::Members;
use crate::model::document::node::Node;
use crate::model::document::pattern::pointer_of;
use crate::model::document::pointer::quoted;
use crate::model::document::{apply, number, order};
use serde_json::Number;
use std::collections::BTreeMap;

/// The most violations of one rule that are listed, the first in the order of the state: they are stored
/// with every snapshot. The others show when these are settled.
pub const VIOLATIONS_MAX: usize = 1000;

/// What breaks the rules, in order.
pub(in crate::model::document) fn check(rules: &[Rule], root: &Members) -> Vec<Violation> {
    let mut violations: Vec<Violation> =
        rules.iter().flat_map(|rule| rule.breaches(root)).collect();
    violations.sort();
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
            if let Some(problem) = self.problem(value) {
                let pointer = pointer_of(way);
                let message = format!("{} {problem}", quoted(&pointer));
                violations.push(self.violation(vec![pointer], message));
            }
        });
        violations
    }

    fn violation(&self, paths: Vec<String>, message: String) -> Violation {
        Violation {
            rule: self.to_string(),
            paths,
            message,
        }
    }

    /// What is wrong with one value, as the end of a sentence.
    fn problem(&self, value: Option<&Node>) -> Option<String> {
        match (&self.demand, value) {
            (Demand::Required, None) => Some("is missing".to_owned()),
            (Demand::Max(limit), Some(Node::Number(number))) if is_less(limit, number) => {
                Some(format!("is {number}, more than {limit}"))
            }
            (Demand::Min(limit), Some(Node::Number(number))) if is_less(number, limit) => {
                Some(format!("is {number}, less than {limit}"))
            }
            (Demand::Type(kind), Some(value)) if !kind.fits(value) => Some(format!(
                "is {}, not {}",
                apply::describe(value),
                kind.described()
            )),
            (Demand::OneOf(allowed), Some(value))
                if !allowed
                    .iter()
                    .any(|allowed| Node::from(allowed.clone()) == *value) =>
            {
                Some(format!("is {}, none of the values allowed", shown(value)))
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
            let message = format!("{} values are {}", paths.len(), shown(repeated[index]));
            self.violation(paths, message)
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

    fn described(self) -> &'static str {
        match self {
            Self::Array => "a list",
            Self::Boolean => "a boolean",
            Self::Integer => "a 64-bit integer",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::String => "text",
        }
    }
}

fn is_less(left: &Number, right: &Number) -> bool {
    number::compare(left, right).is_lt()
}

/// A value in a message, cut where it is long.
fn shown(value: &Node) -> String {
    let json = canonical::to_vec(value).unwrap_or_default();
    quoted(&String::from_utf8_lossy(&json))
}
