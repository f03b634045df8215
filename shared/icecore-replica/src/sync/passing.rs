//! A replica rolls up what nobody else does (docs/protocol.md, Roll up in passing).

use crate::replica::SpaceReplica;
use icecore_core::ErrorKind;
use icecore_core::plan::TailWatch;
use icecore_store::draw;
use icecore_store::rollup::roll_up_in_passing;

/// What a session knows of rolling up the tail of its space.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    watch: TailWatch,
    /// Its credentials do not allow it.
    denied: bool,
}

impl SpaceReplica {
    /// Rolls up a long tail, so that whoever opens the space next reads a snapshot. Whatever fails is harmless: the tail
    /// is as good as before, and the sync has done its work already. Returns how many updates it rolled up.
    pub(super) async fn roll_up_if_long(&mut self) -> u64 {
        let store = self.replica.store().clone();
        // Whoever comes through a gateway leaves it to the server, which also knows the quotas.
        let rule = store.settings.tail.filter(|_| store.broker().is_none());
        let Some(rule) = rule.filter(|_| !self.tail.denied) else {
            return 0;
        };
        let tries = self.reader.as_ref().is_some_and(|reader| {
            // A model that makes two states of one history writes none.
            let is_pure = reader.base.impure.is_none();
            let stored = reader.tail.values().filter(|l| l.object.is_some());
            let length = rule.length(store.now(), stored.map(|l| l.last_modified));
            is_pure && self.tail.watch.tries(&rule, length, || draw(&*store.ids))
        });
        let Some(reader) = self.reader.as_ref().filter(|_| tries) else {
            return 0;
        };
        match Box::pin(roll_up_in_passing(&store, reader)).await {
            Ok(report) => {
                let report = report.unwrap_or_default();
                self.tail.watch.tried(report.unfinished);
                report.updates
            }
            Err(error) => {
                self.tail.watch.tried(false);
                self.tail.denied = error.kind() == ErrorKind::Denied;
                tracing::debug!(%error, "the tail was not rolled up; another replica does");
                0
            }
        }
    }
}
