//! The files of an app, on the gateway's own origin: one command runs app, gateway, bucket and roll-up, and no request of a
//! page needs permission first.
//!
//! All files are read at the start and again when they change, into a table by their exact paths: what is not in the table
//! is not there, so no path leads out of the folder.

mod answer;
mod files;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Response};
use files::{File, Files};
use icecore_core::Result;
use icecore_store::Clock;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// For how long the table counts before the folder is looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The page of a folder.
const INDEX: &str = "index.html";
/// What is shown for a path that leads nowhere, where the app has it.
const NOT_FOUND: &str = "/404.html";

/// The files of an app.
#[derive(Clone)]
pub(super) struct App {
    files: Arc<Mutex<Files>>,
    clock: Arc<dyn Clock>,
}

impl App {
    /// Reads the folder.
    ///
    /// # Errors
    /// `Invalid`, naming what is wrong: no folder, no page to begin with, a name that is the server's, too much.
    pub(super) fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let files = Files::read(folder, clock.monotonic())?;
        Ok(Self {
            files: Arc::new(Mutex::new(files)),
            clock,
        })
    }

    /// Whether a request is for the app, not for the S3 endpoint: it reads, is not signed, and names no bucket.
    pub(super) fn is_asked(request: &Parts, bucket: &str) -> bool {
        let first = request.uri.path().split('/').nth(1);
        let is_signed = request.headers.contains_key("authorization")
            || request.uri.query().is_some_and(|q| q.contains("X-Amz-"));
        matches!(request.method, Method::GET | Method::HEAD) && !is_signed && first != Some(bucket)
    }

    /// Answers a request for a file.
    pub(super) async fn answer(&self, request: &Parts) -> Response<Body> {
        let path = request.uri.path().to_owned();
        let app = self.clone();
        // Files are read from a disk, which may be slow: not on the threads that answer everybody.
        let found = tokio::task::spawn_blocking(move || app.find(&path)).await;
        match found {
            Ok((file, true)) => answer::of_file(request, &file),
            Ok((file, false)) => answer::not_found(request, Some(&file)),
            Err(_) => answer::not_found(request, None),
        }
    }

    /// The file of a path, or what is shown instead, and which of both it is.
    fn find(&self, path: &str) -> (Arc<File>, bool) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.look_again(self.clock.monotonic(), LOOK_EVERY);
        let exact = answer::decoded(path).and_then(|path| {
            let path = match path.strip_suffix('/') {
                Some(folder) => format!("{folder}/{INDEX}"),
                None => path,
            };
            files.get(&path)
        });
        match exact {
            Some(file) => (file, true),
            None => (files.get(NOT_FOUND).unwrap_or_default(), false),
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}
