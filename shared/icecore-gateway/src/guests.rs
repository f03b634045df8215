//! Guests: users without an account, each with a space of its own and a token for it.
//!
//! The gateway keeps nothing of them: the id is the name of the space, and the token says the rest.

use crate::limits::Rate;
use crate::settings::Settings;
use crate::token::{Claims, Rights, SigningKey, SpacePattern, mint};
use crate::usage::{Amount, OBJECTS_MAX};
use icecore_core::wire::NewUser;
use icecore_core::{Error, ModelRef, Result, SpaceName};
use icecore_store::Ids;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const DAYS_MAX: u32 = 3_650;

/// How a gateway takes guests; what is left out keeps its default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuestSettings {
    /// How the names of their spaces begin; random digits follow.
    pub prefix: String,
    /// How many days their tokens are good for. A device that was offline for longer needs another token.
    pub days: u32,
    /// How many new ones are taken each minute, by each running gateway.
    pub per_minute: u32,
    /// Which models their spaces may have; the first unless one is asked for.
    pub models: Vec<String>,
    /// The most bytes that the space of one may hold, as they are stored …
    pub space_bytes: u64,
    /// … and objects, at most 200,000.
    pub space_objects: u64,
}

impl Default for GuestSettings {
    fn default() -> Self {
        Self {
            prefix: "guest-".to_owned(),
            days: 365,
            per_minute: 60,
            models: vec!["document".to_owned(), "log".to_owned()],
            space_bytes: 64 << 20,
            space_objects: 50_000,
        }
    }
}

impl GuestSettings {
    /// What the space of one may hold.
    pub(crate) fn most(&self) -> Amount {
        Amount {
            bytes: self.space_bytes,
            objects: self.space_objects.min(OBJECTS_MAX),
        }
    }
}

/// Makes guests.
pub struct Guests {
    settings: GuestSettings,
    key: SigningKey,
    audience: Option<String>,
    rate: Rate,
}

impl Guests {
    /// As the settings say; `None` where no guests are taken. Their tokens are signed with the first secret.
    ///
    /// # Errors
    /// `Invalid` when there is no secret to sign with, or a setting is out of range.
    pub fn from_settings(settings: &Settings) -> Result<Option<Self>> {
        let Some(guests) = &settings.guests else {
            return Ok(None);
        };
        let secret = settings.tokens.hs256_secrets.first().ok_or_else(|| {
            Error::invalid("there is no secret to sign the tokens of guests with")
                .with_object("guests")
                .with_hint("give one in tokens.hs256_secrets, or take no guests")
        })?;
        if !(1..=DAYS_MAX).contains(&guests.days) {
            return Err(
                Error::invalid(format!("a token lives from 1 to {DAYS_MAX} days"))
                    .with_object("guests.days")
                    .with_hint("a year, 365, is the default"),
            );
        }
        if guests.models.is_empty() {
            return Err(Error::invalid("no model is named for the spaces of guests")
                .with_object("guests.models")
                .with_hint("leave it out for `document` and `log`"));
        }
        name(&guests.prefix, 0).map_err(|e| {
            e.with_object("guests.prefix")
                .with_hint("up to 32 of a-z 0-9 - _ . without a leading dot")
        })?;
        Ok(Some(Self {
            settings: guests.clone(),
            key: SigningKey::hs256(secret),
            audience: settings.tokens.audience.clone(),
            rate: Rate::new(guests.per_minute, f64::from(guests.per_minute) / 60.0),
        }))
    }

    /// What the space of one may hold.
    pub(crate) fn most(&self) -> Amount {
        self.settings.most()
    }

    /// Takes one from what is allowed each minute, at the monotonic time `now`.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn take(&self, now: Duration) -> Result<(), Duration> {
        self.rate.take("", now)
    }

    /// The model of a new guest's space.
    ///
    /// # Errors
    /// `Invalid` for one that guests may not have: its spaces could not be rolled up.
    pub(crate) fn model(&self, wished: Option<ModelRef>) -> Result<ModelRef> {
        let known = &self.settings.models;
        let model = wished.unwrap_or_else(|| ModelRef::named(&known[0]));
        if known.contains(&model.name) {
            return Ok(model);
        }
        Err(Error::invalid(format!(
            "spaces of guests cannot have the model `{}`",
            model.name
        ))
        .with_object("model.name")
        .with_hint(format!(
            "use one of {}, or let whoever runs the gateway add it to `guests.models`",
            known.join(", ")
        )))
    }

    /// A new guest, at the time `now`.
    ///
    /// # Errors
    /// `Internal`: the key cannot sign.
    pub(crate) fn create(&self, ids: &dyn Ids, now: i64) -> Result<NewUser> {
        let space = name(&self.settings.prefix, ids.random())?;
        let expires_at = now + i64::from(self.settings.days) * DAY_MS;
        let pattern = SpacePattern::from(space.clone());
        let mut claims = Claims::new(
            space.as_str(),
            vec![pattern],
            Rights::read_write(),
            expires_at,
        );
        claims.guest = true;
        claims.audience = self.audience.iter().cloned().collect();
        claims.issued_at = Some(now);
        claims.token_id = Some(format!("{:032x}", ids.random()));
        Ok(NewUser {
            user: space.to_string(),
            token: mint(&self.key, &claims)?,
            space,
            expires_at,
        })
    }
}

/// The name of a guest's space, and its id.
fn name(prefix: &str, random: u128) -> Result<SpaceName> {
    format!("{prefix}{random:032x}").parse()
}

impl fmt::Debug for Guests {
    // Not derived: it holds a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guests")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
