//! What a person does on one device.

use crate::account::{Account, Owner, Token};
use crate::event::{Id, Message, Sport};
use crate::fitness::{Fitness, Steps};
use crate::gateway::Gateway;
use icecore::{Error, ErrorKind, Order, Place, Replica, Result};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The local copy and the queue, within the device's folder: forgetting removes it as a whole.
const COPY: &str = "copy";

/// A device that writes as somebody.
#[derive(Debug)]
pub struct Device {
    folder: PathBuf,
    store: String,
    guest: Owner,
    user: Option<Owner>,
    session: Option<Id>,
    replica: Replica<Steps>,
}

/// What linking did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linking {
    /// Updates that joined the user's now.
    pub updates: u64,
    /// Whether all of the guest's are there.
    pub complete: bool,
}

/// Whose token is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// That of the space to which this device writes: the user's, or the guest's as long as there is no user.
    Writer,
    /// That of the guest as whom this device began: once it is linked, linking again and forgetting need it.
    Guest,
}

impl Device {
    /// Makes a guest, at a gateway or on a store of one's own, for a device that writes as nobody yet.
    ///
    /// # Errors
    /// `Conflict` when it writes as somebody; what the gateway or the store reports.
    pub async fn guest(store: &str, folder: &Path) -> Result<Self> {
        if let Some(Account::Known { guest, .. }) = Account::read(folder)? {
            return Err(
                Error::conflict(format!("this device writes as {} already", guest.space))
                    .with_object(folder.display().to_string())
                    .with_hint("name another --replica folder, or `steps forget` this one"),
            );
        }
        // Refuses what is no address, and plain HTTP beyond this machine, before a token is asked for.
        Replica::open(Steps, &Place::new(store), "guest").await?;
        let guest = if Gateway::is_at(store) {
            Gateway::at(store)?.guest("steps").await?
        } else {
            let space = format!("guest-{}", Id::new());
            let place = Place::new(store);
            Replica::create(Steps, &place, &space, Order::Timestamp).await?;
            Owner { space, token: None }
        };
        let account = Account::Known {
            store: store.to_owned(),
            guest,
            user: None,
            session: None,
        };
        account.write(folder)?;
        let device = Self::open(folder).await?;
        device.sync().await?;
        Ok(device)
    }

    /// Opens the device; no request is made.
    ///
    /// # Errors
    /// `NotFound` when it writes as nobody, or as somebody who was erased.
    pub async fn open(folder: &Path) -> Result<Self> {
        let account = Account::read(folder)?;
        let nobody = |message: &str| {
            Error::not_found(message)
                .with_object(folder.display().to_string())
                .with_hint("`steps guest` begins as a new guest, without an account")
        };
        match account {
            None => Err(nobody("this device writes as nobody yet")),
            Some(Account::Erased {}) => Err(nobody("the account on this device was erased")),
            Some(Account::Known {
                store,
                guest,
                user,
                session,
            }) => {
                let owner = user.as_ref().unwrap_or(&guest);
                let replica = open(folder, &store, owner).await?;
                Ok(Self {
                    folder: folder.to_owned(),
                    store,
                    guest,
                    user,
                    session,
                    replica,
                })
            }
        }
    }

    /// Whose space is written to.
    pub fn owner(&self) -> &Owner {
        self.user.as_ref().unwrap_or(&self.guest)
    }

    /// The replica of that space.
    pub fn replica(&self) -> &Replica<Steps> {
        &self.replica
    }

    /// What all devices did, with what waits here.
    pub fn state(&self) -> Arc<Fitness> {
        self.replica.state()
    }

    /// Starts a session; one that is open ends.
    ///
    /// # Errors
    /// As [`Replica::update`].
    pub async fn start(&mut self, name: &str) -> Result<Id> {
        let session = Id::new();
        let mut messages = self.end_of_session();
        messages.push(Message::StartSession {
            session: session.clone(),
            device: name.to_owned(),
        });
        self.write(None, messages).await?;
        self.remember(Some(session.clone()))?;
        Ok(session)
    }

    /// Ends the session that is open.
    ///
    /// # Errors
    /// `Invalid` when none is; as [`Replica::update`].
    pub async fn end(&mut self) -> Result<()> {
        let messages = self.end_of_session();
        if messages.is_empty() {
            return Err(Error::invalid("no session is open on this device")
                .with_hint("`steps start` opens one, and so does `steps add`"));
        }
        self.write(None, messages).await?;
        self.remember(None)
    }

    /// Adds steps, at a time or now.
    ///
    /// # Errors
    /// As [`Replica::update`].
    pub async fn add(&mut self, count: u32, at: Option<i64>) -> Result<()> {
        let add = |session| Message::AddSteps { session, count };
        self.in_session(at, add).await
    }

    /// Adds an activity, at a time or now.
    ///
    /// # Errors
    /// As [`Replica::update`].
    pub async fn activity(
        &mut self,
        (sport, minutes): (Sport, u32),
        at: Option<i64>,
    ) -> Result<()> {
        let id = Id::new();
        let add = |session| Message::AddActivity {
            session,
            id,
            sport,
            minutes,
        };
        self.in_session(at, add).await
    }

    /// Sets one of name, height and goal.
    ///
    /// # Errors
    /// As [`Replica::update`].
    pub async fn set(&self, message: Message) -> Result<()> {
        self.write(None, vec![message]).await
    }

    /// Within the open session, or a new one.
    async fn in_session(
        &mut self,
        at: Option<i64>,
        make: impl FnOnce(Id) -> Message,
    ) -> Result<()> {
        if let Some(session) = self.session.clone() {
            return self.write(at, vec![make(session)]).await;
        }
        let session = Id::new();
        let start = Message::StartSession {
            session: session.clone(),
            device: "phone".to_owned(),
        };
        self.write(at, vec![start, make(session.clone())]).await?;
        // A crash before this line begins another session, and loses no step.
        self.remember(Some(session))
    }

    fn end_of_session(&self) -> Vec<Message> {
        let end = |session| Message::EndSession { session };
        self.session.clone().map(end).into_iter().collect()
    }

    async fn write(&self, at: Option<i64>, messages: Vec<Message>) -> Result<()> {
        let at = at.unwrap_or_else(|| self.replica.now());
        let messages = messages.into_iter().map(|message| (at, message));
        self.replica.update_all(messages.collect()).await?;
        Ok(())
    }

    fn remember(&mut self, session: Option<Id>) -> Result<()> {
        self.session = session;
        let account = Account::Known {
            store: self.store.clone(),
            guest: self.guest.clone(),
            user: self.user.clone(),
            session: self.session.clone(),
        };
        account.write(&self.folder)
    }

    /// Gets what other devices wrote, and sends what waits here.
    ///
    /// # Errors
    /// As [`Replica::sync`]; `NotFound` when the account was erased from another device; `Denied` when the gateway takes
    /// this device's token no more: what was recorded here waits, and is sent after [`Device::renew`].
    pub async fn sync(&self) -> Result<()> {
        match self.replica.sync().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.explained(error).await),
        }
    }

    async fn explained(&self, error: Error) -> Error {
        let may_be_token = error.kind() == ErrorKind::Denied && Gateway::is_at(&self.store);
        if !may_be_token || lets_in(&self.store, self.owner()).await.is_ok() {
            return error;
        }
        let hint = error.hint().unwrap_or("get a new token").to_owned();
        error.with_hint(format!(
            "{hint}; `steps renew` takes it, and sends what was recorded here meanwhile"
        ))
    }

    /// Goes on with a fresh token: the session of before has expired. What was recorded here meanwhile is sent with it.
    ///
    /// # Errors
    /// `Invalid` where no token is needed; `Denied` for one that does not open the space, or that only reads it, and
    /// `Unavailable` when the gateway does not answer: nothing has changed then. As [`Device::sync`] when the token is kept,
    /// and something else is wrong.
    pub async fn renew(&mut self, whose: Whose, token: Token) -> Result<()> {
        if !Gateway::is_at(&self.store) {
            return Err(
                Error::invalid("this device's store needs no token").with_object(&self.store)
            );
        }
        let owner = match whose {
            Whose::Writer => self.owner(),
            Whose::Guest => &self.guest,
        };
        let fresh = Owner {
            token: Some(token),
            ..owner.clone()
        };
        lets_in(&self.store, &fresh).await?;
        let replica = open(&self.folder, &self.store, &fresh).await?;
        // Kept, a token that only reads would look like one that works until something waits, and then nothing would be sent.
        let author = replica.author().await?;
        let may_write = Gateway::at(&self.store)?.may_write(&fresh, author).await;
        may_write.map_err(|error| match error.kind() {
            ErrorKind::Denied => Error::denied("this device cannot write with this token")
                .with_object(&fresh.space)
                .with_hint(
                    "get one with the right to write in this space; the token of before is kept",
                )
                .with_source(error),
            _ => error,
        })?;
        match (&mut self.user, whose) {
            (Some(user), Whose::Writer) => *user = fresh,
            _ => self.guest = fresh,
        }
        if whose == Whose::Writer || self.user.is_none() {
            self.replica = replica;
        }
        self.remember(self.session.clone())?;
        self.sync().await
    }

    /// The guest turned out to be a user: the guest's history joins the user's, and this device writes there from now on.
    /// Whatever breaks off, it can be repeated, here and on other devices: nothing is lost, and nothing is there twice.
    ///
    /// # Errors
    /// `Conflict` when the guest is somebody else's; as [`Device::sync`] and what the gateway reports. The device goes on
    /// as it was then.
    pub async fn link(&mut self, user: Owner) -> Result<Linking> {
        if let Some(linked) = self.user.as_ref().filter(|u| u.space != user.space) {
            return Err(
                Error::conflict(format!("this guest is {} already", linked.space))
                    .with_hint("a guest becomes one user"),
            );
        }
        // What waits here belongs to the guest's history: it goes first.
        open(&self.folder, &self.store, &self.guest)
            .await?
            .sync()
            .await?;
        let linking = self.join(&user).await?;
        let replica = open(&self.folder, &self.store, &user).await?;
        self.user = Some(user);
        self.remember(self.session.clone())?;
        self.replica = replica;
        self.sync().await?;
        Ok(linking)
    }

    async fn join(&self, user: &Owner) -> Result<Linking> {
        if Gateway::is_at(&self.store) {
            let linked = Gateway::at(&self.store)?.link(&self.guest, user).await?;
            return Ok(Linking {
                updates: linked.updates,
                complete: linked.complete,
            });
        }
        let place = Place::new(&self.store);
        Replica::create(Steps, &place, &user.space, Order::Timestamp).await?;
        let link = icecore::link(&place, &self.guest.space, &user.space).await?;
        Ok(Linking {
            updates: link.updates,
            complete: true,
        })
    }

    /// Erases the account: everything that is stored of the guest and of the user, then everything on this device. It can
    /// be repeated until it succeeds.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`: what is left is still there, and so is this device's copy.
    pub async fn forget(self) -> Result<()> {
        // The guest first: what only its space holds is forwarded to the user's, and goes with that.
        let owners = [Some(&self.guest), self.user.as_ref()];
        for owner in owners.into_iter().flatten() {
            if Gateway::is_at(&self.store) {
                Gateway::at(&self.store)?.erase(owner).await?;
            } else {
                open(&self.folder, &self.store, owner)
                    .await?
                    .erase()
                    .await?;
            }
        }
        let Self {
            folder, replica, ..
        } = self;
        drop(replica);
        let copy = folder.join(COPY);
        match fs::remove_dir_all(&copy) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(Error::denied("the copy on this device cannot be removed")
                    .with_object(copy.display().to_string())
                    .with_hint("what was stored is erased: remove this folder too")
                    .with_source(e));
            }
            _ => {}
        }
        Account::Erased {}.write(&folder)
    }
}

/// Opens a space of the device's; no request is made.
async fn open(folder: &Path, store: &str, owner: &Owner) -> Result<Replica<Steps>> {
    let place = at(store, owner).with_replica(folder.join(COPY));
    Replica::open(Steps, &place, &owner.space).await
}

/// Whether the space can be read with the owner's token: without this device's queue, so that nothing else can be wrong.
///
/// # Errors
/// `Denied` when it cannot; what else keeps it from being read.
async fn lets_in(store: &str, owner: &Owner) -> Result<()> {
    let place = at(store, owner);
    let replica = Replica::open(Steps, &place, &owner.space).await?;
    replica.sync().await.map(drop)
}

/// A store, with the owner's token.
fn at(store: &str, owner: &Owner) -> Place {
    let place = Place::new(store);
    match &owner.token {
        Some(token) => place.with_environment(environment(token.secret())),
        None => place,
    }
}

/// This process's environment with a token in place of the one that it may name.
fn environment(token: &str) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    environment.remove("ICECORE_TOKEN_FILE");
    environment.insert("ICECORE_TOKEN".to_owned(), token.to_owned());
    environment
}
