//! For simulations: a replica's folder that is copied, or put back from a backup, while no process has it open.

use crate::db::Db;
use crate::replica::Replica;
use icecore_core::Result;
use std::sync::{Arc, Mutex};

impl Replica {
    /// A copy in memory that goes on by itself.
    ///
    /// # Errors
    /// `Internal` when `SQLite` fails.
    pub fn testonly_copy(&self) -> Result<Self> {
        let mut db = Db::in_memory()?;
        db.take_all_of(&self.db())?;
        let mut copy = Self::in_memory(self.store().clone())?;
        copy.db = Arc::new(Mutex::new(db));
        Ok(copy)
    }

    /// Puts this replica back to what a copy holds. Sessions that are open know nothing of it: start them anew.
    ///
    /// # Errors
    /// As [`Replica::testonly_copy`].
    pub fn testonly_put_back(&self, copy: &Self) -> Result<()> {
        self.db().take_all_of(&copy.db())
    }
}
