//! What a client sends, and how fast: the bytes of a connection, and the body of a request.

use super::connections::State;
use axum::BoxError;
use axum::body::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use icecore_s3::Share;
use icecore_store::Clock;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long nothing may come of a body that was announced. The gateway waits less, and answers in its own words.
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// So many bytes a second have to come of a body, but for a pause at its beginning. A byte now and then would hold a
/// connection as long as a request may take.
const PACE_MIN: u64 = 1 << 10;
/// What is still read of a body that nobody wanted, so that the connection can be used again.
const DRAINED_MAX: usize = 256 << 10;
/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long what a client still sends is thrown away after the answer, so that it sees the answer, and no broken connection.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);
/// What a piece of a body takes beside its bytes until it is put together.
const PER_FRAME: u64 = 64;

/// The memory that a body takes, as long as its request is answered.
pub(super) type Taken = Arc<Mutex<Share>>;

/// A connection that notes when a byte came or went.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) state: Arc<State>,
    pub(super) clock: Arc<dyn Clock>,
}

impl<S> Watched<S> {
    fn note<T>(&self, moved: &Poll<io::Result<T>>) {
        if matches!(moved, Poll::Ready(Ok(_))) {
            self.state.moved(self.clock.monotonic());
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.note(&read);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// What is left of a body when whoever read it is done.
#[derive(Debug, Default, Clone)]
pub(super) struct Rest(Arc<Mutex<Option<Incoming>>>);

/// How a body comes.
#[derive(Debug, Clone, Copy)]
struct Pace {
    began: Duration,
    /// When something came last.
    moved: Duration,
    /// How many bytes came.
    came: u64,
}

impl Pace {
    fn new(now: Duration) -> Self {
        Self {
            began: now,
            moved: now,
            came: 0,
        }
    }

    fn comes(&mut self, bytes: usize, now: Duration) {
        self.moved = now;
        self.came = self.came.saturating_add(bytes as u64);
    }

    /// When something more has to have come.
    fn deadline(&self) -> Duration {
        let earned = Duration::from_millis(self.came.saturating_mul(1_000) / PACE_MIN);
        (self.moved + PAUSE_MAX).min((self.began + PAUSE_MAX).saturating_add(earned))
    }
}

/// The body of a request on its way in. One of which nothing comes for a while, or too little all the time, fails; what
/// nobody reads goes to its [`Rest`].
pub(super) struct Arriving {
    body: Option<Incoming>,
    rest: Rest,
    state: Arc<State>,
    clock: Arc<dyn Clock>,
    /// From when it is first asked for: a client may have been told to wait until then.
    pace: Option<Pace>,
    pause: Option<BoxFuture<'static, ()>>,
    taken: Option<Taken>,
}

impl Arriving {
    pub(super) fn new(
        body: Incoming,
        state: Arc<State>,
        clock: Arc<dyn Clock>,
        taken: Option<Taken>,
    ) -> (Self, Rest) {
        let rest = Rest::default();
        state.works(body.is_end_stream());
        let arriving = Self {
            body: Some(body),
            rest: rest.clone(),
            state,
            clock,
            pace: None,
            pause: None,
            taken,
        };
        (arriving, rest)
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        let now = this.clock.monotonic();
        let pace = this.pace.get_or_insert_with(|| Pace::new(now));
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
            this.pause = None;
            if let Some(bytes) = frame
                .as_ref()
                .and_then(|frame| frame.as_ref().ok()?.data_ref())
            {
                pace.comes(bytes.len(), now);
            }
            if frame.is_none() || body.is_end_stream() {
                this.state.works(true);
            }
            if frame.is_none() {
                // Nothing of it is left: that of chunks never says so itself.
                this.body = None;
            }
            if let (Some(Ok(frame)), Some(taken)) = (&frame, &this.taken) {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(full) = taken.grow(bytes + PER_FRAME) {
                    let full = io::Error::new(io::ErrorKind::ResourceBusy, full);
                    return Poll::Ready(Some(Err(full.into())));
                }
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let (clock, left) = (&this.clock, pace.deadline().saturating_sub(now));
        let pause = this.pause.get_or_insert_with(|| {
            let clock = Arc::clone(clock);
            async move { clock.sleep(left).await }.boxed()
        });
        ready!(pause.poll_unpin(context));
        *this.rest.lock() = this.body.take();
        let slow = io::Error::new(
            io::ErrorKind::TimedOut,
            "nothing came of the body for 15 seconds, or less than 1 KiB a second",
        );
        Poll::Ready(Some(Err(slow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.rest.lock() = Some(body);
        }
    }
}

impl Rest {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Incoming>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all was read.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_none()
    }

    /// Reads what nobody wanted. Returns whether the connection is at its next request then; else it has to end with this
    /// answer, for the client would take what it still sends for read.
    pub(super) async fn drain(&self, clock: &dyn Clock) -> bool {
        let Some(mut body) = self.lock().take() else {
            return true;
        };
        let least = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let ended = least <= DRAINED_MAX && {
            let read = read_some(&mut body, DRAINED_MAX);
            futures::select_biased! {
                ended = std::pin::pin!(read.fuse()) => ended,
                () = std::pin::pin!(clock.sleep(DRAIN_TIMEOUT).fuse()) => false,
            }
        };
        if !ended {
            *self.lock() = Some(body);
        }
        ended
    }

    /// Throws away what the client still sends while the answer is on its way.
    pub(super) async fn discard(self, clock: Arc<dyn Clock>) {
        let Some(mut body) = self.lock().take() else {
            return;
        };
        let read = read_some(&mut body, usize::MAX);
        futures::future::select(std::pin::pin!(read), clock.sleep(DISCARD_TIMEOUT)).await;
    }
}

/// Reads on to the end, or until so much has come. Returns whether that was all.
async fn read_some(body: &mut Incoming, most: usize) -> bool {
    let mut read: usize = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        read = read.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if read > most {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn who_sends_little_by_little_has_no_more_time_than_who_sends_nothing() {
        let mut pace = Pace::new(at(100));
        assert_eq!(pace.deadline(), at(115));
        for second in 101..115 {
            pace.comes(1, at(second));
        }
        assert!(pace.deadline() < at(116));
    }

    #[test]
    fn who_sends_steadily_may_take_a_while_and_pause() {
        let mut pace = Pace::new(at(0));
        for second in 1..=60 {
            assert!(at(second) < pace.deadline());
            pace.comes(2 << 10, at(second));
        }
        // As long as nothing may come at all, and no longer, whatever came before.
        assert_eq!(pace.deadline(), at(75));
    }
}
