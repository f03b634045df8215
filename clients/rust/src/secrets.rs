//! The secrets that open encrypted spaces: from the environment, a file, a file descriptor, or asked for.

use icecore_core::{Error, Result, SpaceName};
use icecore_seal::{Identity, NewHolder, Passphrase, PassphraseCost, Secret};
use icecore_store::Secrets;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The environment variable that holds a passphrase.
pub const PASSPHRASE: &str = "ICECORE_PASSPHRASE";
/// The environment variable that names the file of an identity.
pub const IDENTITY: &str = "ICECORE_IDENTITY";
/// The environment variable that holds a passphrase which is to be set.
pub const NEW_PASSPHRASE: &str = "ICECORE_NEW_PASSPHRASE";
/// The most bytes of a passphrase or an identity that are read.
const BYTES_MAX: u64 = 64 * 1024;
/// The name of the holder that a space is created with, where it has a passphrase.
pub const FIRST_HOLDER: &str = "passphrase";

/// Where the secrets of encrypted spaces come from. Never an argument: those are seen by everybody on the machine.
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct SecretArgs {
    /// Read the passphrase of an encrypted space from this file descriptor, e.g. `--passphrase-fd 3 3< file`; else from
    /// `ICECORE_PASSPHRASE`, else it is asked for
    #[cfg_attr(
        feature = "clap",
        arg(
            long,
            global = true,
            value_name = "FD",
            help_heading = "Global options"
        )
    )]
    pub passphrase_fd: Option<u32>,

    /// The file with the identity that opens encrypted spaces, as `icecore identity create` makes it; else the one that
    /// `ICECORE_IDENTITY` names
    #[cfg_attr(
        feature = "clap",
        arg(
            long,
            global = true,
            value_name = "FILE",
            help_heading = "Global options"
        )
    )]
    pub identity: Option<PathBuf>,
}

/// Secrets that are read when they are first needed, and no sooner.
pub struct GivenSecrets {
    args: SecretArgs,
    environment: BTreeMap<String, String>,
    read: Mutex<Option<Vec<Arc<Secret>>>>,
    /// The given passphrase: a pipe can be read once only.
    given: Mutex<Option<Passphrase>>,
    /// Whether a person can be asked.
    ask: bool,
}

impl GivenSecrets {
    /// From these arguments and this environment; `ask` says whether a person at the terminal may be asked.
    pub fn new(args: SecretArgs, environment: &BTreeMap<String, String>, ask: bool) -> Self {
        let wanted = [PASSPHRASE, IDENTITY, NEW_PASSPHRASE];
        let given = wanted
            .iter()
            .filter_map(|name| environment.get_key_value(*name));
        // An empty variable is how a shell unsets one for a single command.
        let given = given.filter(|(_, value)| !value.is_empty());
        let given = given.map(|(name, value)| (name.clone(), value.clone()));
        Self {
            args,
            environment: given.collect(),
            read: Mutex::new(None),
            given: Mutex::new(None),
            ask,
        }
    }

    /// A passphrase that is at hand already.
    ///
    /// # Errors
    /// `Invalid` when it is empty.
    pub fn passphrase(text: &str) -> Result<Arc<Secret>> {
        Ok(Arc::new(Secret::Passphrase(checked(text.to_owned())?)))
    }

    fn read(&self, space: &SpaceName) -> Result<Vec<Arc<Secret>>> {
        let mut secrets = Vec::new();
        if let Some(identity) = self.given_identity()? {
            secrets.push(Arc::new(Secret::Identity(identity)));
        }
        if let Some(passphrase) = self.given_passphrase()? {
            secrets.push(Arc::new(Secret::Passphrase(passphrase)));
        }
        if secrets.is_empty() && self.can_ask() {
            let text = prompt(&format!("passphrase of {space}: "))?;
            // Whoever just presses Enter has none.
            if !text.is_empty() {
                secrets.push(Arc::new(Secret::Passphrase(checked(text)?)));
            }
        }
        Ok(secrets)
    }

    /// The identity that a file holds, if one was named.
    ///
    /// # Errors
    /// `Invalid` when it is none, what keeps the file from being read.
    pub fn given_identity(&self) -> Result<Option<Identity>> {
        let named = self.environment.get(IDENTITY).map(PathBuf::from);
        let Some(path) = self.args.identity.clone().or(named) else {
            return Ok(None);
        };
        read_identity(&path).map(Some)
    }

    /// The passphrase, if one was given; nobody is asked.
    ///
    /// # Errors
    /// `Invalid` when it is empty or not text, `NotFound` when nothing can be read from the descriptor.
    pub fn given_passphrase(&self) -> Result<Option<Passphrase>> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.is_none() {
            *given = self.passphrase_from(self.args.passphrase_fd, PASSPHRASE)?;
        }
        Ok(given.clone())
    }

    /// A passphrase for something new: the given one, or asked for twice.
    ///
    /// # Errors
    /// `Invalid` when the two differ, or when there is none and nobody to ask.
    pub fn new_passphrase(&self, what: &str) -> Result<Passphrase> {
        let none = format!("set {PASSPHRASE}, or pass one with --passphrase-fd");
        self.given_passphrase()?
            .map_or_else(|| self.asked_twice(what, none), Ok)
    }

    /// A passphrase to be set where another one may open the space: from a file descriptor, from
    /// `ICECORE_NEW_PASSPHRASE`, or asked for twice.
    ///
    /// # Errors
    /// As [`GivenSecrets::new_passphrase`].
    pub fn other_passphrase(&self, fd: Option<u32>, what: &str) -> Result<Passphrase> {
        let none = format!("set {NEW_PASSPHRASE}, or pass one with --new-passphrase-fd");
        self.passphrase_from(fd, NEW_PASSPHRASE)?
            .map_or_else(|| self.asked_twice(what, none), Ok)
    }

    fn passphrase_from(&self, fd: Option<u32>, variable: &str) -> Result<Option<Passphrase>> {
        if let Some(fd) = fd {
            let path = format!("/dev/fd/{fd}");
            let text = read_text(Path::new(&path), "the file descriptor")?;
            return checked(text).map(Some);
        }
        let given = self.environment.get(variable).cloned();
        given.map(checked).transpose()
    }

    fn can_ask(&self) -> bool {
        self.ask && std::io::stdin().is_terminal()
    }

    fn asked_twice(&self, what: &str, none: String) -> Result<Passphrase> {
        if !self.can_ask() {
            let nobody = Error::invalid("no passphrase is given, and nobody to ask for one");
            return Err(nobody.with_hint(none));
        }
        let text = prompt(&format!("new passphrase of {what}: "))?;
        let again = prompt("the same again: ")?;
        if text != again {
            return Err(Error::invalid("the two passphrases differ")
                .with_hint("nothing was changed: try again"));
        }
        checked(text)
    }

    /// Who can open a new space: whoever knows the passphrase, or has the identity that is given.
    ///
    /// # Errors
    /// As [`GivenSecrets::new_passphrase`].
    pub fn first_holders(&self, what: &str) -> Result<Vec<NewHolder>> {
        let identity = self.given_identity()?;
        let mut holders = Vec::new();
        if let Some(identity) = &identity {
            let (name, public) = ("owner".to_owned(), identity.public());
            holders.push(NewHolder::Member { name, public });
        }
        if identity.is_none() || self.given_passphrase()?.is_some() {
            holders.push(NewHolder::Passphrase {
                name: FIRST_HOLDER.to_owned(),
                passphrase: self.new_passphrase(what)?,
                cost: PassphraseCost::default(),
            });
        }
        Ok(holders)
    }
}

impl Secrets for GivenSecrets {
    fn secrets(&self, space: &SpaceName) -> Result<Vec<Arc<Secret>>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secrets) = &*read {
            return Ok(secrets.clone());
        }
        let secrets = self.read(space)?;
        *read = Some(secrets.clone());
        Ok(secrets)
    }
}

impl std::fmt::Debug for GivenSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GivenSecrets")
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}

/// Reads the file of an identity.
///
/// # Errors
/// `Invalid` when it holds none, what keeps the file from being read.
pub fn read_identity(path: &Path) -> Result<Identity> {
    let text = Zeroizing::new(read_text(path, "--identity")?);
    text.trim().parse().map_err(|e| {
        Error::invalid("the file holds no identity")
            .with_object(path.display().to_string())
            .with_hint("`icecore identity create FILE` makes one")
            .with_source(e)
    })
}

fn checked(mut text: String) -> Result<Passphrase> {
    // A file or a here-document ends with a line break that nobody meant.
    while text.ends_with(['\n', '\r']) {
        text.pop();
    }
    Passphrase::new(text).map_err(|e| {
        Error::invalid("the passphrase cannot be used")
            .with_hint("give one that is not empty")
            .with_source(e)
    })
}

/// The byte order mark.
const MARK: char = '\u{feff}';

fn read_text(path: &Path, what: &str) -> Result<String> {
    let failed = |e: std::io::Error| {
        Error::not_found("a secret cannot be read")
            .with_object(format!("{what} {}", path.display()))
            .with_hint(
                "check the path, or that the descriptor is open: `--passphrase-fd 3 3< file`",
            )
            .with_source(e)
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(failed)?;
    // Some editors begin a text with a byte order mark.
    Ok(text.trim_start_matches(MARK).to_owned())
}

fn prompt(question: &str) -> Result<String> {
    rpassword::prompt_password(question).map_err(|e| {
        Error::invalid("the passphrase cannot be asked for")
            .with_hint(format!(
                "set {PASSPHRASE}, or pass one with --passphrase-fd"
            ))
            .with_source(e)
    })
}
