//! How the claims of an issuer become spaces.

use super::access::{Grant, Rights};
use super::pattern::SpacePattern;
use super::template::SpaceTemplate;
use icecore_core::{Digest, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many hex digits of a digest stand for a value: 104 bits, so that nobody finds a value that stands
/// for somebody else's, and short enough to leave room in the 64 bytes of a name.
const HASH_DIGITS: usize = 26;

const EXAMPLE: &str =
    r#"write it like {"claim":"sub","spaces":["user-{}","user-{}.*"],"rights":["read","write"]}"#;

/// One claim of an issuer's tokens, the spaces that it gives, and the rights in them.
///
/// ```
/// use icecore_gateway::token::ClaimRule;
/// let rule: ClaimRule = serde_json::from_str(
///     r#"{ "claim": "groups", "spaces": ["team-{}"], "rights": ["read", "write"] }"#,
/// )?;
/// # assert_eq!(rule.claim, "groups");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// A token whose claim `groups` is `["red", "Blue!"]` may read and write in `team-red`. `Blue!` gives no
/// name of a space, and so gives nothing: values are never changed, for two of them might become one.
///
/// No value gives a space of another value. Where a claim has several templates or one with a star, a value
/// that contains what ends it in one of them gives nothing: with `user-{}.*`, `a` would cover what `a.b` is
/// given. For values of any kind there is [`Encode::Hash`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRule {
    /// The name of the claim, or a JSON pointer (`/realm_access/roles`). Its value is a text or a list of
    /// texts; anything else gives nothing.
    pub claim: String,
    /// The spaces that each value gives.
    pub spaces: Vec<SpaceTemplate>,
    /// What is allowed in them.
    pub rights: Rights,
    /// How a value is written into the name of a space.
    #[serde(default)]
    pub encode: Encode,
    /// The only values that give anything, where not all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

/// How a value is written into the name of a space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encode {
    /// As it stands; one that does not give the name of a space gives nothing.
    #[default]
    Plain,
    /// The first 26 hex digits of its SHA-256: for values such as `auth0|5f7c` or e-mail addresses.
    Hash,
}

/// What the rules give for the claims of a token.
pub(super) fn grants(rules: &[ClaimRule], claims: &Value) -> Vec<Grant> {
    rules
        .iter()
        .filter_map(|rule| {
            let ends = separators(rules, &rule.claim);
            let found = find(&rule.claim, claims)?;
            let mut spaces: Vec<_> = values(found)
                .flat_map(|value| rule.patterns(value, &ends))
                .collect();
            spaces.sort();
            spaces.dedup();
            let rights = rule.rights.clone();
            (!spaces.is_empty()).then_some(Grant { spaces, rights })
        })
        .collect()
}

/// A claim by its name, or by a JSON pointer to it.
pub(super) fn find<'a>(name: &str, claims: &'a Value) -> Option<&'a Value> {
    if name.starts_with('/') {
        claims.pointer(name)
    } else {
        claims.get(name)
    }
}

/// Refuses rules that give nothing, or by which somebody could get what is another's.
///
/// # Errors
/// `Invalid`, which names the rule.
pub(super) fn check(rules: &[ClaimRule]) -> Result<()> {
    rules.iter().try_for_each(ClaimRule::check)?;
    let places: Vec<_> = rules
        .iter()
        .flat_map(|rule| rule.spaces.iter().map(|space| (&rule.claim, space)))
        .filter_map(|(claim, space)| Some((claim, space, space.before()?)))
        .collect();
    for (n, (claim, space, before)) in places.iter().enumerate() {
        for (other_claim, other, other_before) in &places[..n] {
            let same = claim == other_claim && before == other_before;
            if !same && (before.starts_with(other_before) || other_before.starts_with(before)) {
                return Err(Error::invalid(format!(
                    "the rules give `{other}` by the claim `{other_claim}` and `{space}` by `{claim}`: one \
                     value could give what another is given"
                ))
                .with_hint("let what stands before each `{}` begin differently, e.g. `user-{}` and `team-{}`"));
            }
        }
    }
    Ok(())
}

impl ClaimRule {
    fn patterns(&self, value: &str, ends: &[char]) -> Vec<SpacePattern> {
        let is_listed = self
            .values
            .as_ref()
            .is_none_or(|values| values.iter().any(|one| one == value));
        // An empty value stands for nobody, also where it would give the name of a space.
        if value.is_empty() || !is_listed {
            return Vec::new();
        }
        let value = match self.encode {
            Encode::Plain if value.contains(ends) => return Vec::new(),
            Encode::Plain => value.to_owned(),
            Encode::Hash => Digest::of(value.as_bytes()).to_string()[..HASH_DIGITS].to_owned(),
        };
        let templates = self.spaces.iter();
        templates
            .filter_map(|template| template.pattern(&value))
            .collect()
    }

    fn check(&self) -> Result<()> {
        let mut spaces = self.spaces.iter();
        let problem = if self.claim.is_empty() {
            "names no claim".to_owned()
        } else if self.spaces.is_empty() {
            "gives no spaces".to_owned()
        } else if self.rights.is_empty() {
            "gives no rights".to_owned()
        } else if self.encode == Encode::Plain
            && let Some(open) = spaces.find(|space| space.is_open_ended())
        {
            format!("gives `{open}`, by which the value `a` would cover what `ab` is given")
        } else {
            return Ok(());
        };
        let message = format!("the rule for the claim `{}` {problem}", self.claim);
        Err(Error::invalid(message).with_hint(EXAMPLE))
    }
}

/// What ends a value in the templates of a claim, where one value's spaces could be taken for another's.
fn separators(rules: &[ClaimRule], claim: &str) -> Vec<char> {
    let templates: Vec<_> = rules
        .iter()
        .filter(|rule| rule.claim == claim)
        .flat_map(|rule| &rule.spaces)
        .filter(|template| template.before().is_some())
        .collect();
    match templates[..] {
        [one] if !one.has_star_after_value() => Vec::new(),
        _ => templates.iter().filter_map(|one| one.separator()).collect(),
    }
}

fn values(claim: &Value) -> impl Iterator<Item = &str> {
    let many = claim.as_array().map_or(&[][..], Vec::as_slice);
    let one = claim.as_str();
    one.into_iter().chain(many.iter().filter_map(Value::as_str))
}
