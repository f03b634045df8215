//! Passphrases, wraps, and the stories of keyrings.

use super::plainly::{Derived, Drawn, array, bytes, hmac, subkey, text};
use icecore_seal::{
    Identity, Keyring, KeyringError, NewHolder, Passphrase, PassphraseCost, PublicKey, Secret,
    SpaceKeys,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    const fn get(self) -> PassphraseCost {
        PassphraseCost {
            memory_kib: self.memory_kib,
            passes: self.passes,
            lanes: self.lanes,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassphraseCase {
    name: String,
    passphrase: String,
    salt: String,
    cost: Cost,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    public: String,
}

impl PassphraseCase {
    pub(crate) fn computed(&self) -> Self {
        let Cost {
            memory_kib,
            passes,
            lanes,
        } = self.cost;
        let params = argon2::Params::new(memory_kib, passes, lanes, Some(32)).unwrap();
        let (id, version) = (argon2::Algorithm::Argon2id, argon2::Version::V0x13);
        let mut secret = [0; 32];
        argon2::Argon2::new(id, version, params)
            .hash_password_into(self.passphrase.as_bytes(), &bytes(&self.salt), &mut secret)
            .unwrap();
        let identity = Identity::generate(&mut || secret);
        let passphrase = Passphrase::new(self.passphrase.as_str()).unwrap();
        let mut salt = [0; 32];
        salt[..16].copy_from_slice(&bytes(&self.salt));
        let holder = NewHolder::Passphrase {
            name: "somebody".to_owned(),
            passphrase: passphrase.clone(),
            cost: self.cost.get(),
        };
        let at = "2026-11-21T12:00:00Z";
        let (keyring, _) = Keyring::create(b"[]", vec![holder], at, &mut || salt).unwrap();
        let derived = keyring.identity_of(&passphrase).unwrap().unwrap();
        assert_eq!(derived.to_text(), identity.to_text());
        Self {
            name: self.name.clone(),
            passphrase: self.passphrase.clone(),
            salt: self.salt.clone(),
            cost: self.cost,
            secret: text(&secret),
            public: identity.public().to_string(),
        }
    }
}

/// What one key becomes that is wrapped for a member.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wrap {
    name: String,
    context: String,
    holder: String,
    holder_secret: String,
    ephemeral_secret: String,
    space_key: String,
    #[serde(default)]
    shared: String,
    #[serde(default)]
    derived: Derived,
    #[serde(default)]
    wrapped: String,
}

impl Wrap {
    pub(crate) fn computed(&self) -> Self {
        let secret = |text| x25519_dalek::StaticSecret::from(array::<32>(text));
        let (ours, theirs) = (secret(&self.ephemeral_secret), secret(&self.holder_secret));
        let [ephemeral, public] = [&ours, &theirs].map(x25519_dalek::PublicKey::from);
        let shared = ours.diffie_hellman(&public);
        let salt = [*ephemeral.as_bytes(), *public.as_bytes()].concat();
        let derived = Derived::of(shared.as_bytes(), &salt, "icecore wrap v1");
        let context = self.context.as_bytes();
        let associated = [context, public.as_bytes(), self.holder.as_bytes()].concat();
        let entries = [&[0, 0, 0, 1][..], &bytes(&self.space_key)].concat();
        let ciphertext = derived.encrypt(&associated, &entries);
        let wrapped = text(&[&ephemeral.as_bytes()[..], &ciphertext].concat());

        let random = [self.space_key.clone(), self.ephemeral_secret.clone()];
        let mut drawn = Drawn::new(&random);
        let secret = array(&self.holder_secret);
        let holder = NewHolder::Member {
            name: self.holder.clone(),
            public: Identity::generate(&mut || secret).public(),
        };
        let at = "2026-11-21T12:00:00Z";
        let made = Keyring::create(context, vec![holder], at, &mut || drawn.draw());
        assert_eq!(made.unwrap().0.holders()[0].wrapped, wrapped);
        Self {
            name: self.name.clone(),
            context: self.context.clone(),
            holder: self.holder.clone(),
            holder_secret: self.holder_secret.clone(),
            ephemeral_secret: self.ephemeral_secret.clone(),
            space_key: self.space_key.clone(),
            shared: text(shared.as_bytes()),
            derived,
            wrapped,
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HolderOf {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public: Option<PublicKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passphrase: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
}

impl HolderOf {
    fn get(&self) -> NewHolder {
        let name = self.name.clone();
        match self.public {
            Some(public) => NewHolder::Member { name, public },
            None => NewHolder::Passphrase {
                name,
                passphrase: self.typed(),
                cost: self.cost.unwrap().get(),
            },
        }
    }

    fn typed(&self) -> Passphrase {
        Passphrase::new(self.passphrase.as_deref().unwrap()).unwrap()
    }
}

/// One version of a keyring after the other.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Story {
    name: String,
    context: String,
    steps: Vec<Step>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(rename = "do")]
    what: String,
    at: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holders: Vec<HolderOf>,
    random: Vec<String>,
    /// Secrets that open the outcome, and some that do not.
    opens: Vec<String>,
    refuses: Vec<String>,
    /// The keyring, as JSON.
    #[serde(default)]
    keyring: String,
    #[serde(default)]
    fingerprint: String,
    /// What the link of the newest key is made of.
    #[serde(default)]
    link_key: String,
    #[serde(default)]
    commitment: String,
    #[serde(default)]
    mac_key: String,
}

impl Story {
    pub(crate) fn computed(&self) -> Self {
        let mut steps = Vec::new();
        let mut space_keys: Vec<[u8; 32]> = Vec::new();
        let mut last: Option<(Keyring, SpaceKeys)> = None;
        for step in &self.steps {
            let made = step.made(self.context.as_bytes(), last.as_ref());
            if made.0.keys().len() > space_keys.len() {
                space_keys.push(array(&step.random[0]));
            }
            steps.push(step.computed(self.context.as_bytes(), &made, &space_keys));
            last = Some(made);
        }
        Self {
            name: self.name.clone(),
            context: self.context.clone(),
            steps,
        }
    }
}

impl Step {
    fn made(&self, context: &[u8], last: Option<&(Keyring, SpaceKeys)>) -> (Keyring, SpaceKeys) {
        let mut drawn = Drawn::new(&self.random);
        let mut random = || drawn.draw();
        let Some((keyring, keys)) = last else {
            assert_eq!(self.what, "create");
            let holders = self.holders.iter().map(HolderOf::get).collect();
            return Keyring::create(context, holders, &self.at, &mut random).unwrap();
        };
        let change = keyring
            .change(context, keys, &self.at, &mut random)
            .unwrap();
        let holder = self.holders.first();
        let same = |keyring| (keyring, keys.clone());
        let made = match self.what.as_str() {
            "add" => change.add_holder(holder.unwrap().get()).map(same),
            "remove" => change.remove_holder(&holder.unwrap().name),
            "rotate" => change.rotate(),
            "set_passphrase" => {
                let holder = holder.unwrap();
                let cost = holder.cost.unwrap().get();
                let set = change.set_passphrase(&holder.name, holder.typed(), cost);
                set.map(same)
            }
            other => panic!("{other:?} is nothing to do"),
        };
        let made = made.unwrap();
        assert_eq!(made.0.check_follows(keyring), Ok(()));
        assert!(drawn.is_used_up(), "{}: random bytes are left", self.what);
        made
    }

    fn computed(
        &self,
        context: &[u8],
        (keyring, keys): &(Keyring, SpaceKeys),
        space_keys: &[[u8; 32]],
    ) -> Self {
        let json = serde_json::to_string(keyring).unwrap();
        let stored: Keyring = serde_json::from_str(&json).unwrap();
        for text in &self.opens {
            let opened = stored.open(context, &secret(text)).unwrap();
            assert_eq!(opened.fingerprint(), keys.fingerprint());
        }
        for text in &self.refuses {
            assert!(stored.open(context, &secret(text)).is_err(), "{text}");
        }

        let newest = space_keys.last().unwrap();
        let before = space_keys[space_keys.len().saturating_sub(2)];
        let link_key = subkey(&before, "icecore link v1");
        let commitment = subkey(newest, "icecore commitment v1");
        let number = u32::try_from(space_keys.len()).unwrap().to_be_bytes();
        let link = hmac(&link_key, &[context, &number, &commitment]);
        assert_eq!(link, keyring.keys().last().unwrap().link);
        let (covered, mac) = json.rsplit_once(r#","mac":""#).unwrap();
        let covered = format!("{covered}}}");
        let mac_key = subkey(newest, "icecore keyring v1");
        let expected = hmac(&mac_key, &[context, covered.as_bytes()]);
        assert_eq!(mac, format!("{expected}\"}}"));
        Self {
            keyring: json,
            fingerprint: keys.fingerprint(),
            link_key: text(&link_key),
            commitment: text(&commitment),
            mac_key: text(&mac_key),
            ..self.clone()
        }
    }
}

/// Of an identity, or else of a passphrase.
fn secret(text: &str) -> Secret {
    let identity = text.parse().map(Secret::Identity);
    identity.unwrap_or_else(|_| Secret::Passphrase(Passphrase::new(text).unwrap()))
}

/// A keyring that does not open, or does not follow one that was seen before.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusedKeyring {
    name: String,
    context: String,
    secret: String,
    keyring: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    older: Option<String>,
    #[serde(default)]
    error: String,
}

impl RefusedKeyring {
    pub(crate) fn computed(&self) -> Self {
        let read = |text: &String| serde_json::from_str::<Keyring>(text).unwrap();
        let keyring = read(&self.keyring);
        let opened = keyring.open(self.context.as_bytes(), &secret(&self.secret));
        let error = match &self.older {
            None => opened.unwrap_err(),
            Some(older) => {
                // It is right in itself, only not what comes next.
                opened.unwrap();
                keyring.check_follows(&read(older)).unwrap_err()
            }
        };
        let word = match error {
            KeyringError::WrongPassphrase => "wrong_passphrase",
            KeyringError::NotAHolder => "not_a_holder",
            KeyringError::Changed(_) => "changed",
            KeyringError::TooExpensive => "too_expensive",
            KeyringError::RolledBack { .. } => "rolled_back",
            other => panic!("{}: {other}", self.name),
        };
        Self {
            error: word.to_owned(),
            ..self.clone()
        }
    }
}
