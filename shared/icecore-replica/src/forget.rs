//! Forgetting a space that was erased.

use crate::db::{Durable, failed};
use crate::queue::unsigned;
use crate::replica::Replica;
use icecore_core::{Result, SpaceName};

/// The tables that hold something of a space.
const TABLES: [&str; 7] = ["queue", "own", "once", "refused", "layer", "kept", "tail"];

impl Replica {
    /// Removes everything that this replica holds of a space: what it read, what it wrote, and what waits to be
    /// published. Returns how many updates waited. One that is used again begins anew, under another author.
    ///
    /// # Errors
    /// `Unavailable` while another process syncs this replica; errors of the replica's database.
    pub async fn forget(&self, space: &SpaceName) -> Result<u64> {
        let _lock = self.lock().await?;
        self.db().write(Durable::Now, |t| {
            let count = "SELECT count(*) FROM queue WHERE space = ?1";
            let waited: i64 = t
                .query_row(count, [space.as_str()], |row| row.get(0))
                .map_err(failed)?;
            for table in TABLES {
                t.execute(
                    &format!("DELETE FROM {table} WHERE space = ?1"),
                    [space.as_str()],
                )
                .map_err(failed)?;
            }
            t.execute("DELETE FROM space WHERE name = ?1", [space.as_str()])
                .map_err(failed)?;
            Ok(unsigned(waited))
        })
    }
}
