//! The codes of this library and their wording.

/// A code, and what it says to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code as it is stored.
    pub name: &'static str,
    /// One sentence without its full stop. `{name}` stands for the parameter of that name, and `{at}` for the place of
    /// the value that breaks a rule.
    pub wording: &'static str,
}

impl Code {
    /// The names of its parameters, in the order in which they are stored.
    pub fn parameters(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        let mut rest = self.wording;
        while let Some((_, name, after)) = next_place(rest) {
            if name != "at" && !names.contains(&name) {
                names.push(name);
            }
            rest = after;
        }
        names.sort_unstable();
        names
    }
}

const fn code(name: &'static str, wording: &'static str) -> Code {
    Code { name, wording }
}

/// The codes of the fold, of the built-in models, of the rules of documents, and of a text that an app's model gives.
/// Of a document they stand in the order in which an update is checked: the first that fits is the one that is stored.
pub const CODES: [Code; 32] = [
    code(
        "not-sealed",
        "the update is not encrypted: whoever wrote it holds no key of this space",
    ),
    code(
        "not-opened",
        "the update cannot be decrypted: it was changed, moved, or not made with a key of this space",
    ),
    code(
        "no-parts",
        "the update is no object with the members at, kind and data",
    ),
    code("panicked", "the model panicked on this update"),
    code(
        "unknown-kind",
        "unknown kind `{kind}`; a document knows add, append, delete, increment, max, merge, min, remove",
    ),
    code(
        "too-deep",
        "{kind}: the data is nested more than 64 levels deep",
    ),
    code(
        "half-surrogate",
        "{kind}: the data has a text with half of a surrogate pair",
    ),
    code(
        "number-too-large",
        "{kind}: the data has a number that is too large",
    ),
    code("unreadable", "{kind}: the data cannot be read"),
    code(
        "data-not-an-object",
        "{kind}: the data is {found}, not an object",
    ),
    code(
        "data-not-a-list",
        "{kind}: the data is {found}, not a list of pointers",
    ),
    code(
        "pointer-not-text",
        "{kind}: the data holds {found} where a pointer should be",
    ),
    code(
        "pointer-empty",
        "{kind}: an empty pointer names the root, which cannot be addressed",
    ),
    code(
        "pointer-without-slash",
        "{kind}: the pointer `{path}` does not begin with `/`",
    ),
    code(
        "pointer-escape",
        "{kind}: the pointer `{path}` has a `~` that is not `~0` or `~1`",
    ),
    code(
        "path-too-deep",
        "{kind}: `{path}` would be nested more than 64 levels deep",
    ),
    code(
        "value-not-a-number",
        "{kind}: the value for `{path}` is {found}, not a number",
    ),
    code(
        "value-not-a-list",
        "{kind}: the value for `{path}` is {found}, not a list",
    ),
    code(
        "paths-exclude-each-other",
        "{kind}: `{outer}` and `{path}` exclude each other",
    ),
    code(
        "through-no-object",
        "{kind}: `{path}` passes through `{upto}`, which is {found}",
    ),
    code(
        "not-a-number",
        "{kind}: the field `{path}` is {found}, not a number",
    ),
    code(
        "not-a-list",
        "{kind}: the field `{path}` is {found}, not a list",
    ),
    code(
        "overflow",
        "{kind}: overflow of `{path}`: the sum is outside -2^63 to 2^64-1",
    ),
    code(
        "not-finite",
        "{kind}: overflow of `{path}`: the sum is not a finite number",
    ),
    code(
        "check-panicked",
        "the model panicked when it was to check the state",
    ),
    code("unique", "{count} values are `{value}`"),
    code("required", "`{at}` is missing"),
    code("max", "`{at}` is {value}, more than {limit}"),
    code("min", "`{at}` is {value}, less than {limit}"),
    code("type", "`{at}` is {found}, not {expected}"),
    code("one-of", "`{at}` is `{value}`, none of the values allowed"),
    code(super::APP, "{message}"),
];

/// What a type's name says in a sentence.
pub(super) fn with_article(found: &str) -> String {
    match found {
        "null" => "null",
        "boolean" => "a boolean",
        "number" => "a number",
        "integer" => "a 64-bit integer",
        "string" => "text",
        "array" => "a list",
        "object" => "an object",
        other => other,
    }
    .to_owned()
}

/// Puts a text in each `{name}`; a question mark where there is none.
pub(super) fn fill(wording: &str, text: impl Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::new(), wording);
    while let Some((before, name, after)) = next_place(rest) {
        out.push_str(before);
        out.push_str(text(name).as_deref().unwrap_or("?"));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What stands before the next `{name}`, the name, and the rest.
fn next_place(wording: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = wording.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}
