//! `icecore token`: makes a token, to develop against a gateway.

use crate::args::parsed;
use crate::context::Context;
use crate::exit::Outcome;
use crate::human::parse_duration;
use clap::{Args, ValueEnum};
use icecore_core::time::to_rfc3339;
use icecore_core::{Author, Error, Result};
use icecore_gateway::token::{
    Claims, DEFAULT_AUDIENCE, Right, Rights, Secret, SigningKey, SpacePattern, mint,
};
use serde::Deserialize;
use serde_json::json;
use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the secret is, when no argument names a key: an argument could be read by every user of the machine.
const SECRET_VARIABLE: &str = "ICECORE_TOKEN_SECRET";

/// What `icecore serve` keeps beside its data.
const SERVE_FILE: &str = "serve.json";

/// Make a token for a gateway, and print it
///
/// For developing, and for scripts of an operator: an app has a server of its own that hands out tokens, or an
/// issuer that the gateway knows. The key is that of `icecore serve`, the secret in `ICECORE_TOKEN_SECRET` (at
/// least 32 bytes, or `base64:` and base64), or a private key of Ed25519. Nothing is asked over the network, and
/// no list of tokens is kept: a token counts until it expires or the gateway's key is replaced.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  icecore token --dir ./data --space 'notes-*'
  export ICECORE_TOKEN_SECRET=$(openssl rand -base64 48)
  icecore token --space todo --right read --expires 30d --subject dashboard
  icecore token --ed25519-key private.pem --space '*' --right admin
  curl -H \"Authorization: Bearer $(icecore token --dir ./data --space todo)\" …")]
pub(crate) struct TokenArgs {
    /// A space, the beginning of names as in `notes-*`, or `*` for all; may be repeated
    #[arg(long = "space", value_name = "PATTERN", required = true, value_parser = pattern)]
    spaces: Vec<SpacePattern>,

    /// What the token allows in them; may be repeated; `admin` implies the others [default: read and write]
    #[arg(long = "right", value_enum, value_name = "RIGHT")]
    rights: Vec<RightArg>,

    /// Who asks: a name for logs
    #[arg(long, value_name = "NAME", default_value = "dev")]
    subject: String,

    /// The only author that may write with the token
    #[arg(long, value_name = "UUID", value_parser = author)]
    author: Option<Author>,

    /// For how long the token counts, e.g. 15m, 12h, 30d
    #[arg(long, value_name = "DURATION", default_value = "12h", value_parser = duration)]
    expires: Duration,

    /// The gateway that the token is for, by the `audience` of its settings
    #[arg(long, value_name = "NAME", default_value = DEFAULT_AUDIENCE)]
    audience: String,

    /// Sign with the secret that `icecore serve --dir DIR` made
    #[arg(long, value_name = "DIR", conflicts_with = "ed25519_key")]
    dir: Option<PathBuf>,

    /// Sign with a private key of Ed25519 (PEM), whose public key the gateway's settings have
    #[arg(long, value_name = "FILE")]
    ed25519_key: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RightArg {
    Read,
    Write,
    Admin,
}

impl From<RightArg> for Right {
    fn from(right: RightArg) -> Self {
        match right {
            RightArg::Read => Self::Read,
            RightArg::Write => Self::Write,
            RightArg::Admin => Self::Admin,
        }
    }
}

fn pattern(text: &str) -> Result<SpacePattern, String> {
    parsed(text.parse())
}

fn author(text: &str) -> Result<Author, String> {
    parsed(text.parse())
}

fn duration(text: &str) -> Result<Duration, String> {
    parsed(parse_duration(text).and_then(|duration| {
        if duration < Duration::from_secs(1) {
            return Err(Error::invalid("the token would be over at once")
                .with_hint("give at least 1s; tokens count whole seconds"));
        }
        Ok(duration)
    }))
}

#[expect(
    clippy::unused_async,
    reason = "every command is run in the same way, and this one has nothing to wait for"
)]
pub(crate) async fn run(args: &TokenArgs, context: &Context) -> Outcome {
    let key = signing_key(args, context)?;
    let now = context.clock.now();
    let lifetime = i64::try_from(args.expires.as_millis()).unwrap_or(i64::MAX);
    let rights: Rights = if args.rights.is_empty() {
        Rights::read_write()
    } else {
        args.rights.iter().copied().map(Right::from).collect()
    };
    // A token counts whole seconds: say the time that stands in it.
    let expires_at = now
        .saturating_add(lifetime)
        .div_euclid(1000)
        .saturating_mul(1000);
    let claims = Claims {
        issued_at: Some(now),
        token_id: Some(format!("{:032x}", context.ids.random())),
        audience: vec![args.audience.clone()],
        author: args.author,
        ..Claims::new(
            args.subject.as_str(),
            args.spaces.clone(),
            rights,
            expires_at,
        )
    };
    let token = mint(&key, &claims)?;
    let result = json!({ "token": token, "expires_at": to_rfc3339(expires_at) });
    context.out.result(&result, || token)
}

fn signing_key(args: &TokenArgs, context: &Context) -> Result<SigningKey> {
    if let Some(file) = &args.ed25519_key {
        let pem = read(file, "make a key with `openssl genpkey -algorithm ed25519`")?;
        return SigningKey::ed25519_pem(&pem).map_err(|e| e.with_object(shown(file)));
    }
    if let Some(dir) = &args.dir {
        return Ok(SigningKey::hs256(&served_secret(&dir.join(SERVE_FILE))?));
    }
    let secret = context.environment.get(SECRET_VARIABLE).ok_or_else(|| {
        Error::invalid("there is no key to sign the token with").with_hint(format!(
            "name the folder of `icecore serve` with --dir, set {SECRET_VARIABLE}, or name a key with --ed25519-key"
        ))
    })?;
    let secret: Secret = secret
        .parse()
        .map_err(|e: Error| e.with_object(SECRET_VARIABLE))?;
    Ok(SigningKey::hs256(&secret))
}

/// The secret that `icecore serve` made when it first ran on a folder.
fn served_secret(file: &Path) -> Result<Secret> {
    #[derive(Deserialize)]
    struct Served {
        token_secret: String,
    }
    let json = read(
        file,
        "start `icecore serve --dir DIR` once: it makes the file",
    )?;
    // What the parser says is not passed on: it could show the secret.
    let served: Served = serde_json::from_str(&json).map_err(|_| {
        Error::invalid("the file has no `token_secret`")
            .with_object(shown(file))
            .with_hint("name the folder that `icecore serve --dir DIR` was started with")
    })?;
    Secret::from_base64(&served.token_secret).map_err(|e| e.with_object(shown(file)))
}

fn read(file: &Path, hint_if_missing: &str) -> Result<String> {
    let text = fs::read_to_string(file).map_err(|e| {
        let error = if e.kind() == IoErrorKind::NotFound {
            Error::not_found("there is no such file").with_hint(hint_if_missing)
        } else {
            Error::denied("cannot read the file").with_hint("check who may read it")
        };
        error.with_object(shown(file)).with_source(e)
    })?;
    // Some editors begin a text with a byte order mark.
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}
