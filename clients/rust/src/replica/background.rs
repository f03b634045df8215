//! A replica that syncs by itself.

use super::{App, Replica};
use crate::changes::News;
use futures::future::Either;
use icecore_core::plan::Pace;
use icecore_store::draw;
use std::time::Duration;

/// The longest pause of whoever syncs in the background.
const PAUSE_MAX: Duration = Duration::from_mins(1);

impl<M: App> Replica<M> {
    /// Syncs for ever: at once after an update, else every so often, and less often while nothing happens: a pause grows to
    /// an eighth of the quiet before it, and to a minute at most. For a task of its own; what fails is told as
    /// [`News::SyncFailed`] and tried again, ever later up to a minute. [`Replica::wake`] ends a pause.
    pub async fn keep_syncing(&self, every: Duration) {
        let (clock, ids) = (&self.inner.store.clock, &self.inner.store.ids);
        let mut pace = Pace::new(every, PAUSE_MAX, clock.monotonic());
        loop {
            // Not at once after a failure, however much is queued.
            let failed = match self.sync().await {
                Ok(synced) => {
                    pace.succeeded();
                    if synced.pulled.changed || !synced.acknowledged.is_empty() {
                        pace.alive(clock.monotonic());
                    }
                    false
                }
                Err(error) => {
                    pace.failed();
                    let line = icecore_store::reader::view::with_hint(&error);
                    self.tell(News::SyncFailed(line));
                    true
                }
            };
            let wait = clock.sleep(pace.pause(clock.monotonic(), draw(&**ids)));
            let life = async {
                let woken = self.inner.woken.notified();
                if failed {
                    woken.await;
                } else {
                    let queued = self.inner.queued.notified();
                    futures::pin_mut!(woken, queued);
                    futures::future::select(woken, queued).await;
                }
            };
            futures::pin_mut!(wait, life);
            if let Either::Right(_) = futures::future::select(wait, life).await {
                pace.alive(clock.monotonic());
                pace.succeeded();
            }
        }
    }

    /// Lets [`Replica::keep_syncing`] sync now, and often again: somebody looks, or the network is back.
    pub fn wake(&self) {
        self.inner.woken.notify_one();
    }
}
