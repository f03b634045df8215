//! A status as a table for people, and what to worry about.

use super::{Encrypted, Remote};
use crate::human::{count, millis};
use icecore_core::{Key, Order, time};
use icecore_replica::Status;

/// Clocks that differ by less than this are the usual.
const CLOCK_OFFSET_MILLIS_MAX: i64 = 5_000;

/// This machine's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) now: i64,
    /// The store has told its own time.
    pub(super) is_compared: bool,
}

/// The table.
pub(super) fn text(
    status: &Status,
    (remote, encrypted): (&Remote, Option<&Encrypted>),
    clock: Clock,
) -> String {
    let mut rows: Vec<(&str, String)> = vec![
        ("space", status.space.to_string()),
        ("author", status.author.to_string()),
        ("queued", queued(status)),
    ];
    if status.refused > 0 {
        rows.push((
            "refused",
            format!(
                "{}: see `icecore conflicts {}`",
                count(status.refused, "update"),
                status.space
            ),
        ));
    }
    rows.extend(encrypted.map(|encrypted| ("encrypted", readable(encrypted))));
    rows.push(("generation", generation(status, remote)));
    if status.generation.is_some() {
        rows.push(("tail", tail(status)));
    }
    let synced = status
        .synced_at
        .map(|at| format!("{} ago", millis(clock.now.saturating_sub(at))));
    rows.push(("synced", synced.unwrap_or_else(|| "never".to_owned())));
    if let Some(lag) = status.lag_ms {
        rows.push((
            "lag",
            format!("{} since the last complete listing", millis(lag)),
        ));
    }
    rows.push(("clock", offset(status, remote, clock)));
    rows.push(("store", store(status, remote)));
    if let Some(problem) = &status.problem {
        rows.push(("stuck", format!("the last sync failed: {problem}")));
    }
    rows.extend(
        warnings(status, remote)
            .into_iter()
            .map(|warning| ("warning", warning)),
    );
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{name:<11} {value}"))
        .collect();
    lines.join("\n")
}

fn queued(status: &Status) -> String {
    match status.oldest_queued_ms {
        Some(oldest) => format!(
            "{}, the oldest for {}",
            count(status.queued, "update"),
            millis(oldest)
        ),
        None => "nothing".to_owned(),
    }
}

fn readable(encrypted: &Encrypted) -> String {
    let version = encrypted.keyring;
    match &encrypted.problem {
        _ if encrypted.readable => {
            format!("yes, and the secret opens it; keyring version {version}")
        }
        Some(problem) => format!("yes, and locked: {problem}"),
        None => format!("yes, and locked: no secret is given; keyring version {version}"),
    }
}

fn tail(status: &Status) -> String {
    match status.tail {
        0 => "empty: all that was seen is rolled up".to_owned(),
        n => format!(
            "{}, not rolled up when last seen",
            count(n, "update object")
        ),
    }
}

/// What the responses of the store say of this machine's clock: they tell whole seconds, so it is a least offset.
fn offset(status: &Status, remote: &Remote, clock: Clock) -> String {
    let offset = status.clock_offset_ms;
    match remote {
        _ if clock.is_compared && offset == 0 => "agrees with the store's, to a second".to_owned(),
        _ if clock.is_compared => {
            let by = millis(offset.saturating_abs());
            format!("at least {by} {} the store's", side(offset))
        }
        Remote::NotAsked => "not compared: the store was not asked".to_owned(),
        Remote::Unreachable(_) => "not compared: the store could not be read".to_owned(),
        Remote::Seen { .. } => "not compared: this store does not tell its time".to_owned(),
    }
}

/// Which side of the server's a clock is on.
fn side(offset: i64) -> &'static str {
    if offset > 0 { "behind" } else { "ahead of" }
}

fn generation(status: &Status, remote: &Remote) -> String {
    let (Some(generation), Some(epoch), Some(through)) =
        (status.generation, status.epoch, status.through)
    else {
        return "not read yet: `icecore sync` does".to_owned();
    };
    let order = match remote {
        Remote::Seen { info, .. } => Some(info.order),
        _ => None,
    };
    let reach = if through == Key::MIN {
        String::new()
    } else if order == Some(Order::Sequence) || through.get() < 1_000_000_000_000 {
        format!(", through key {through}")
    } else {
        format!(
            ", through {}",
            time::to_rfc3339(i64::try_from(through.get()).unwrap_or(i64::MAX))
        )
    };
    format!("{generation} of epoch {}{reach}", epoch.number())
}

fn store(status: &Status, remote: &Remote) -> String {
    match remote {
        Remote::NotAsked => "not asked".to_owned(),
        Remote::Unreachable(error) => format!("{}: {error}", error.kind()),
        Remote::Seen { info, .. } if info.erased_at.is_some() => {
            "reachable; the space is erased".to_owned()
        }
        Remote::Seen { info, generation } => {
            let behind = match generation {
                Some(newest)
                    if status.epoch == Some(info.epoch) && Some(*newest) > status.generation =>
                {
                    format!("; its newest generation is {newest}: `icecore sync` reads it")
                }
                _ => String::new(),
            };
            format!("reachable{behind}")
        }
    }
}

/// What a person should look at.
pub(super) fn warnings(status: &Status, remote: &Remote) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(needed) = status.needs_version {
        warnings.push(format!("the space holds what version {needed} of its model wrote: update this program; until then it shows what it last saw, and sends nothing"));
    }
    let offset = status.clock_offset_ms;
    if offset.saturating_abs() > CLOCK_OFFSET_MILLIS_MAX {
        let (by, side) = (millis(offset.saturating_abs()), side(offset));
        warnings.push(format!("the clock of this machine is {by} {side} the store's: set it; updates are stamped with the store's time meanwhile"));
    }
    if let Some(generation) = status.impure {
        warnings.push(format!(
            "the model of the program that synced here made two different states of segment {generation}: it looks at more than the updates, or was changed without a new version; other replicas may show something else"
        ));
    }
    if let Some(restored) = &status.restored {
        let (missing, authors) = (
            restored.missing.len(),
            restored.missing.authors().len() as u64,
        );
        warnings.push(format!(
            "the store was put back to an older state, noticed {}: {} of {} that this replica had read {} missing there, and {} back when the device that wrote {} syncs; `icecore export {} --lost` prints those whose text is here",
            time::to_rfc3339(restored.noticed_at),
            count(missing, "update"),
            count(authors, "author"),
            if missing == 1 { "is" } else { "are" },
            if missing == 1 { "comes" } else { "come" },
            if missing == 1 { "it" } else { "them" },
            status.space
        ));
    }
    if let Remote::Seen { info, .. } = remote {
        if let Some(at) = &info.erased_at {
            warnings.push(format!(
                "the space was erased at {at}: what is queued cannot be published"
            ));
        } else if status.epoch.is_some_and(|epoch| epoch != info.epoch) {
            warnings.push(format!(
                "the space is in epoch {}: the next sync starts from there",
                info.epoch.number()
            ));
        }
        if let Some(linked) = &info.linked {
            warnings.push(format!(
                "the space was linked to {} at {}: what is written here is forwarded; go on there",
                linked.into, linked.at
            ));
        }
    }
    warnings.extend(
        status
            .gaps
            .iter()
            .map(|id| format!("the update {id} must exist and was not found")),
    );
    warnings.extend(
        status
            .unreadable
            .iter()
            .map(|line| format!("unreadable: {line}")),
    );
    warnings
}
