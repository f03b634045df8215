//! How long it takes to fold an attempt, and to project it.

use crate::attempts::{Activity, Attempts};
use crate::event::{ActivityEvent, AttemptId, EventId, Message, Time, USER, What};
use crate::projection::{Projection, project};
use icecore::{Author, Error, Key, Meta, Model, RawValue, Result, Seq, message};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Each part is done so often, and the fastest counts: the others were interrupted.
const RUNS: u32 = 15;

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// How many events.
    pub events: usize,
    /// Reading, decoding and merging all of them, and projecting the attempt.
    pub fold_ms: f64,
    /// Of these, the projection.
    pub project_ms: f64,
    /// The same, where each event arrives before all that were there: the worst order.
    pub fold_late_ms: f64,
    /// Reading the same events with serde and dropping them.
    pub serde_ms: f64,
    /// How many times that the fold takes.
    pub fold_to_serde: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "an attempt of {} events, best of {RUNS}", self.events)?;
        writeln!(f, "fold            {:>8.2} ms", self.fold_ms)?;
        writeln!(f, "  of it project {:>8.2} ms", self.project_ms)?;
        writeln!(f, "fold, all late  {:>8.2} ms", self.fold_late_ms)?;
        writeln!(f, "plain serde     {:>8.2} ms", self.serde_ms)?;
        writeln!(f, "fold / serde    {:>8.2}", self.fold_to_serde)
    }
}

/// An update as it stands in a segment.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    at: &'a str,
    kind: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Measures an attempt of so many events.
///
/// # Errors
/// `Internal` when the events cannot be written or read: a bug.
pub fn measure(events: usize) -> Result<Measured> {
    let lines = lines(events)?;
    let forward: Vec<&str> = lines.iter().map(String::as_str).collect();
    let backward: Vec<&str> = lines.iter().rev().map(String::as_str).collect();
    let state = fold(&forward)?;
    let serde_ms = fastest(|| plain(&forward))?;
    let fold_ms = fastest(|| Ok(project_all(&fold(&forward)?)))?;
    Ok(Measured {
        events,
        fold_ms,
        project_ms: fastest(|| Ok(project_all(&state)))?,
        fold_late_ms: fastest(|| Ok(project_all(&fold(&backward)?)))?,
        serde_ms,
        fold_to_serde: fold_ms / serde_ms,
    })
}

/// A long attempt: it starts, pauses, resumes and scores, a second apart.
fn lines(events: usize) -> Result<Vec<String>> {
    let attempt: AttemptId = "bench".parse()?;
    let begin = 1_700_000_000_000;
    let mut lines = Vec::with_capacity(events);
    for (n, second) in (0..events).zip(0_i64..) {
        let at = Time::new(begin + second * 1_000)?;
        let what = match n % 4 {
            0 => What::Resume,
            2 => What::Pause,
            _ => What::Score { points: 1 },
        };
        let (kind, more) = what.into_parts()?;
        let event = ActivityEvent {
            id: EventId::random(),
            attempt_id: attempt.clone(),
            kind,
            occurred_at: at,
            created_at: at,
            source: USER.parse()?,
            more,
        };
        let (kind, data) = message::encode(&Message::Event(event))?;
        let line = Line {
            at: &at.to_string(),
            kind: &kind,
            data: &data,
        };
        lines.push(serde_json::to_string(&line).map_err(bug)?);
    }
    Ok(lines)
}

fn fold(lines: &[&str]) -> Result<Attempts> {
    let mut state = Activity.initial();
    let author = Author::from_parts(0, 0);
    for (line, n) in lines.iter().zip(1..) {
        let line: Line<'_> = serde_json::from_str(line).map_err(bug)?;
        let meta = Meta {
            author,
            seq: Seq::new(n)?,
            // As the device's whole queue, in one object: the events go by when they occurred.
            key: Key::MIN,
            at: line.at,
        };
        Activity
            .decode(line.kind, line.data)
            .and_then(|message| Activity.apply(&mut state, message, &meta))
            .map_err(|rejected| Error::internal(rejected.reason))?;
    }
    Ok(state)
}

fn project_all(state: &Attempts) -> Vec<Projection> {
    let timelines = state.iter();
    timelines.map(|(_, t)| project(t.events())).collect()
}

fn plain(lines: &[&str]) -> Result<()> {
    for line in lines {
        let line: Line<'_> = serde_json::from_str(line).map_err(bug)?;
        let event: ActivityEvent = serde_json::from_str(line.data.get()).map_err(bug)?;
        black_box((line.at, line.kind, event));
    }
    Ok(())
}

fn fastest<T>(mut work: impl FnMut() -> Result<T>) -> Result<f64> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let (took, result) = timed(&mut work);
        black_box(result?);
        best = best.min(took);
    }
    Ok(best.as_secs_f64() * 1_000.0)
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs real time")]
fn timed<T>(work: &mut impl FnMut() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

fn bug(error: serde_json::Error) -> Error {
    Error::internal("an event of the measurement has no JSON form").with_source(error)
}
