//! `rejected.json`: what the fold itself rejects, before a model sees it. And that every code has a vector, and its line in
//! `docs/format.md`.

use super::encoding::{from_base64, to_base64};
use super::files::{check, one_at_a_time, read, top};
use icecore_core::content::{Content, Seal, SpaceSeal, keyring_context};
use icecore_core::reason::CODES;
use icecore_core::{Folded, Key, Reason, Registry, SpaceInfo, Update, UpdateId};
use icecore_seal::{Identity, Secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejections {
    cases: Vec<Case>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// `space.json`.
    space: String,
    /// Of an encrypted space: the secret of a holder, 32 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    id: UpdateId,
    key: Key,
    /// The update as it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    update: Option<String>,
    /// Instead: the text that is sealed with `salt` for the place `sealed_as`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed_as: Option<UpdateId>,
    /// The state, canonical.
    #[serde(default)]
    state: String,
    /// The list of rejected updates, as a snapshot has it.
    #[serde(default)]
    rejected: Value,
}

impl Case {
    fn content(&self) -> (SpaceInfo, Content) {
        let info = SpaceInfo::from_json(self.space.as_bytes()).unwrap();
        let model = Registry::built_in().open(&info.model).unwrap();
        let Some(secret) = &self.secret else {
            return (info, Content::new(model, Seal::Clear));
        };
        let bytes: [u8; 32] = from_base64(secret).try_into().unwrap();
        assert_eq!(to_base64(&bytes), *secret);
        let secret = Secret::Identity(Identity::generate(&mut || bytes));
        let context = keyring_context(&info.store, &info.space);
        let keys = info.keyring.as_ref().unwrap().open(&context, &secret);
        let seal = SpaceSeal::new(&info, keys.unwrap());
        (info, Content::new(model, Seal::Open(Arc::new(seal))))
    }

    fn computed(mut self) -> Self {
        let (_, content) = self.content();
        if let (Some(plain), Some(id)) = (&self.plain, self.sealed_as) {
            let plain = Update::from_stored(plain.clone()).unwrap();
            let sealed = content.seal_update(id, &plain, [7; 16]).unwrap().unwrap();
            self.update = Some(sealed.as_text().to_owned());
        }
        let update = Update::from_stored(self.update.clone().unwrap()).unwrap();
        let mut folded = Folded::initial(content);
        folded.apply(self.id, self.key, &update);
        self.state = String::from_utf8(folded.state_json().unwrap()).unwrap();
        self.rejected = serde_json::to_value(&folded.rejected).unwrap();
        self
    }
}

#[test]
fn rejections() {
    check("rejected.json", |mut file: Rejections| {
        file.cases = file.cases.into_iter().map(Case::computed).collect();
        file
    });
}

/// All reasons in a vector file, wherever they stand.
fn reasons(value: &Value, found: &mut Vec<Reason>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| reasons(item, found)),
        Value::Object(members) => {
            if members.contains_key("code") {
                let mut reason = members.clone();
                for beside in ["id", "key", "rule", "paths", "updates"] {
                    reason.remove(beside);
                }
                found.push(serde_json::from_value(Value::Object(reason)).unwrap());
            }
            members.values().for_each(|member| reasons(member, found));
        }
        _ => {}
    }
}

#[test]
fn each_code_has_a_vector_with_its_parameters() {
    let _alone = one_at_a_time();
    let mut found = Vec::new();
    for file in ["document.json", "rejected.json", "snapshot.json"] {
        reasons(&read::<Value>(file), &mut found);
    }
    let mut seen: BTreeMap<&str, BTreeSet<Vec<&str>>> = BTreeMap::new();
    for reason in &found {
        let parameters = reason.parameters().map(|(name, _)| name).collect();
        seen.entry(reason.code()).or_default().insert(parameters);
        assert!(!reason.to_string().is_empty());
    }
    for code in CODES {
        // No text of JSON is known that has neither of the other two faults and still cannot be read.
        if code.name != "unreadable" {
            let expected = BTreeSet::from([code.parameters()]);
            assert_eq!(seen.get(code.name), Some(&expected), "{}", code.name);
        }
    }
}

/// The table of `docs/format.md` has each code with its parameters and its wording.
#[test]
fn the_page_lists_each_code() {
    let page = fs::read_to_string(top().join("docs/format.md")).unwrap();
    let lines: Vec<&str> = page.lines().filter(|l| l.starts_with("| `")).collect();
    for code in CODES {
        let quoted = |name: &&str| format!("`{name}`");
        let parameters: Vec<String> = code.parameters().iter().map(quoted).collect();
        let line = format!(
            "| `{}` | {} | {} |",
            code.name,
            parameters.join(", "),
            code.wording
        );
        assert!(lines.contains(&line.as_str()), "missing:\n{line}");
    }
}
