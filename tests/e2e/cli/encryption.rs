//! Encrypted spaces: given by the command, sealed in the bucket, lost to nobody who holds the keys.

mod keyrings;
mod passphrases;
mod secrecy;
mod tampering;
mod tour;

use crate::support::command::{Place, Replica};
use std::fs;

/// What a person would not want to be read in the bucket. No other text of the tests has these words.
const WORDS: &str = "unlikely-aubergine";

/// A store with one encrypted space, `diary`, and a replica with the identity that opens it.
fn diary() -> (Place, Replica) {
    diary_with(&[])
}

fn diary_with(options: &[&str]) -> (Place, Replica) {
    let place = Place::empty();
    let a = with_identity(&place, "a");
    a.ok(&["init"]);
    a.ok(&[&["space", "create", "diary", "--encrypted"], options].concat());
    (place, a)
}

/// A replica of this name with an identity of its own.
fn with_identity(place: &Place, name: &str) -> Replica {
    let (replica, file) = (place.replica(name), format!("{name}.identity"));
    replica.ok(&["identity", "create", &file]);
    replica.with("ICECORE_IDENTITY", &file)
}

/// The public key of that identity.
fn public(replica: &Replica, name: &str) -> String {
    let public = replica.ok(&["identity", "show", &format!("{name}.identity")]);
    public.trim().to_owned()
}

/// Adds a replica of its own identity to those that open the space.
fn joined(place: &Place, owner: &Replica, name: &str) -> Replica {
    let replica = with_identity(place, name);
    owner.ok(&["keyring", "add", "diary", name, &public(&replica, name)]);
    replica
}

/// An object of the store as text.
fn text_of(place: &Place, key: &str) -> String {
    fs::read_to_string(place.object(key)).unwrap()
}

/// The update objects of the diary.
fn update_objects(place: &Place) -> Vec<String> {
    place.objects("spaces/diary/0001/updates")
}

/// What `icecore conflicts` says of rejected updates.
fn rejected(replica: &Replica) -> Vec<String> {
    let items = replica.json(&["conflicts", "diary"]);
    let rejected = items.iter().filter(|item| item["type"] == "rejected");
    rejected
        .map(|item| item["message"].as_str().unwrap().to_owned())
        .collect()
}
