//! A keyring for people.

use super::SpaceArg;
use crate::commands::spaces::not_encrypted;
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::count;
use crate::secrets::is_wrong_secret;
use icecore_core::{Seal, SpaceName};
use icecore_seal::{Holder, HolderKind, Keyring};
use icecore_store::Store;
use serde_json::{Value, json};

pub(super) async fn run(args: &SpaceArg, context: &Context, store: &Store) -> Outcome {
    let info = store.space(&args.space).await?.info;
    let keyring = info
        .keyring
        .as_ref()
        .ok_or_else(|| not_encrypted(&info.space))?;
    let fingerprint = match store.seal(&info) {
        Ok(Seal::Open(seal)) => Some(seal.keys().fingerprint()),
        Ok(_) => None,
        Err(error) if is_wrong_secret(&error) => {
            context.out.note(&format!("warning: {error}"));
            None
        }
        Err(error) => return Err(error.into()),
    };
    let result = value(&args.space, keyring, fingerprint.as_deref());
    context
        .out
        .result(&result, || text(&args.space, keyring, fingerprint))
}

fn value(space: &SpaceName, keyring: &Keyring, fingerprint: Option<&str>) -> Value {
    let keys = keyring.keys().iter();
    let keys: Vec<Value> = keys
        .map(|key| json!({ "number": key.number, "made_at": key.made_at }))
        .collect();
    let holders = keyring.holders().iter();
    let holders: Vec<Value> = holders
        .map(|holder| {
            json!({ "name": holder.name, "kind": kind(holder), "added_at": holder.added_at, "public": holder.public })
        })
        .collect();
    json!({ "space": space, "version": keyring.version(), "keys": keys, "holders": holders, "fingerprint": fingerprint })
}

fn kind(holder: &Holder) -> &'static str {
    match holder.kind {
        HolderKind::Passphrase { .. } => "passphrase",
        HolderKind::Member => "member",
    }
}

fn text(space: &SpaceName, keyring: &Keyring, fingerprint: Option<String>) -> String {
    let (keys, holders) = (keyring.keys(), keyring.holders());
    let mut lines = vec![format!(
        "{space}: version {}, {}, {}",
        keyring.version(),
        count(keys.len() as u64, "key"),
        count(holders.len() as u64, "holder")
    )];
    let keys = keys.iter();
    lines.extend(keys.map(|key| {
        let (number, made) = (key.number.get(), shown(&key.made_at));
        format!("key {number:<4} made {made}")
    }));
    let widths = holders.iter().map(|h| shown(&h.name).chars().count());
    let width = widths.max().unwrap_or_default();
    lines.extend(holders.iter().map(|holder| {
        let (name, added) = (shown(&holder.name), shown(&holder.added_at));
        let kind = kind(holder);
        format!(
            "holder {name:<width$}  {kind:<10}  added {added}  {}",
            holder.public
        )
    }));
    lines.push(match fingerprint {
        Some(fingerprint) => format!("fingerprint {fingerprint}"),
        None => "not checked, and no fingerprint: give a secret that opens the space".to_owned(),
    });
    lines.join("\n")
}

/// What nobody has checked yet must not steer the terminal.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
