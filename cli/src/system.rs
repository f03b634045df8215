//! The real world: clock, randomness, environment and signals. Everything else gets them from here.

pub(crate) use icecore::system::{OsIds, SystemClock, environment};

use std::future::Future;

/// Waits for Ctrl-C.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler Ctrl-C ends the process at once, as it always did.
        std::future::pending::<()>().await;
    }
}

/// Waits for Ctrl-C, or for whoever supervises this process to end it.
pub(crate) async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = interrupted() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    interrupted().await;
}

/// Threads for files and look-ups of names: as many as a disk can use at once, and no more, for each takes memory.
const BLOCKING_THREADS_MAX: usize = 32;

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build();
    runtime
        .expect("BUG: a runtime needs only threads and memory")
        .block_on(future)
}

/// Lets this process have as many files open as the system allows it, and tells how many that are: many shells allow 1,024
/// unless somebody asks for more.
pub(crate) fn raise_file_limit() -> u64 {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        // Where any number is allowed, some systems still refuse to give it.
        const ENOUGH: u64 = 10_240;
        let limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.unwrap_or(ENOUGH);
        let raised = Rlimit {
            current: Some(wanted.max(limit.current.unwrap_or(0))),
            maximum: limit.maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "what there is has to do");
        }
        getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
    }
    #[cfg(not(unix))]
    u64::MAX
}

/// Stops here for ever, so that a test can kill the process at this very point.
pub(crate) fn stop_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}
