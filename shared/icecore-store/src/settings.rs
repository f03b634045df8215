//! How long, how many, how often: every limit of the protocol, with its default.

use icecore_core::layers::UNPACKED_BYTES_MAX;
use icecore_core::plan::{SnapshotRule, TailRule};
use std::time::Duration;

/// The protocol's limits. Plain data; losing or doubling an update depends on none of them: they decide only
/// how soon a thing is seen and what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How long one key is retried after a request whose outcome is unknown; then a new key is taken.
    pub write_window: Duration,
    /// How long one publish goes on before it reports that the bucket is unavailable.
    pub publish_time_max: Duration,
    /// The first back-off after a failed request; it doubles up to `backoff_max`.
    pub backoff: Duration,
    /// The longest back-off.
    pub backoff_max: Duration,
    /// How far before the last complete listing the next one starts.
    pub overlap: Duration,
    /// How often a replica lists even when the head did not change: at first, and after anything happened. While nothing
    /// comes this grows, twice as long each time, up to `check`.
    pub safety: Duration,
    /// How often a replica looks at `space.json` and the segments even when the head did not change. Never
    /// more than half the retention.
    pub check: Duration,
    /// How old an update must be before it is rolled up.
    pub settle: Duration,
    /// How far below `through` a roll-up lists.
    pub look_back: Duration,
    /// How often a roll-up lists all of `updates/`.
    pub full_every: Duration,
    /// How long covered update objects and old epochs are kept.
    pub retention: Duration,
    /// Reads under way at once.
    pub reads_max: usize,
    /// Segments that are read ahead while one is folded; each may be unpacked to many times its size.
    pub segments_ahead: usize,
    /// The most update objects in one roll-up segment: bounds its memory.
    pub chunk_objects_max: usize,
    /// The most bytes of update objects in one roll-up segment: bounds its memory.
    pub chunk_bytes_max: u64,
    /// The most bytes that a segment or a snapshot may have here, packed or not: bounds the memory. What others may
    /// read is not broken, and stops whoever cannot.
    pub unpacked_max: u64,
    /// About how much memory a space's state may take here, in bytes; while it is folded it is there twice. A larger one is
    /// rolled up without its state, and whoever has more memory writes its snapshots.
    pub state_max: u64,
    /// Tag transient events with `icecore=transient`, for a lifecycle rule of the bucket. Not every server knows tags.
    pub tag_transient: bool,
    /// When a snapshot is due.
    pub snapshot: SnapshotRule,
    /// When a replica with credentials of the bucket rolls up what nobody else does; `None`: never.
    pub tail: Option<TailRule>,
    /// How long such a run may go on; what is left is for the next sync.
    pub tail_time_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            write_window: Duration::from_secs(30),
            publish_time_max: Duration::from_mins(2),
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            overlap: Duration::from_mins(1),
            safety: Duration::from_mins(1),
            check: Duration::from_mins(10),
            settle: Duration::from_secs(5),
            look_back: Duration::from_mins(10),
            full_every: Duration::from_hours(24),
            retention: Duration::from_hours(24),
            reads_max: 64,
            segments_ahead: 8,
            unpacked_max: UNPACKED_BYTES_MAX,
            state_max: u64::MAX,
            tag_transient: false,
            chunk_objects_max: 20_000,
            chunk_bytes_max: 8 * 1024 * 1024,
            snapshot: SnapshotRule::default(),
            tail: Some(TailRule::default()),
            tail_time_max: Duration::from_secs(10),
        }
    }
}

/// A duration in whole milliseconds, as the protocol counts.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
