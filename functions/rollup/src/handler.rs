//! One invocation: an event in, a round, an answer out.

use crate::event::{Request, message_body};
use crate::metric;
use crate::queue::Queue;
use aws_lambda_events::sqs::SqsBatchResponse;
use icecore_core::{Error, ErrorKind, Result, SpaceName};
use icecore_store::rounds::{Failure, Report, Rounds};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Spaces that one message names: few enough for one invocation, which may get ten messages at once.
const SPACES_PER_MESSAGE: usize = 25;
/// After so many invocations in a row that did not finish it a space is a failure, which alarms count. Even a million
/// updates that wait take less.
const HOPS_MAX: u32 = 30;
/// For a runtime that names no deadline.
const TIME_MAX: Duration = Duration::from_mins(1);
/// The longest that Lambda lets a function run, in milliseconds. A deadline below that is no time since 1970:
/// cargo-lambda's emulator says how long there is instead of until when.
const TIMEOUT_MILLIS_MAX: u64 = 900_000;

/// Takes the line of an invocation.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The function: what stays in memory from one invocation to the next.
pub struct Function {
    rounds: Mutex<Rounds>,
    queue: Option<Arc<dyn Queue>>,
    name: String,
    log: Log,
}

/// What an invocation answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a schedule or a person.
    Report(Box<Report>),
    /// To a queue: which messages are to come again.
    Batch(SqsBatchResponse),
}

/// Why an invocation failed, in the words of Lambda.
#[derive(Debug)]
pub struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Failed> for Diagnostic {
    fn from(Failed(error): Failed) -> Self {
        let hint = error.hint().map(|hint| format!("; {hint}"));
        Self {
            error_type: error_type(error.kind()).to_owned(),
            error_message: format!("{error}{}", hint.unwrap_or_default()),
        }
    }
}

/// The one table from the kind of an error to the type that Lambda shows.
fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Conflict => "Icecore.Conflict",
        ErrorKind::Unavailable => "Icecore.Unavailable",
        ErrorKind::Invalid => "Icecore.Invalid",
        ErrorKind::NotFound => "Icecore.NotFound",
        ErrorKind::Denied => "Icecore.Denied",
        ErrorKind::Corrupt => "Icecore.Corrupt",
        ErrorKind::Internal => "Icecore.Internal",
    }
}

impl Function {
    /// A function over `rounds`. What it does not finish goes to `queue`; without one the next invocation finds it
    /// again. `name` is the dimension of its metrics.
    pub fn new(rounds: Rounds, queue: Option<Arc<dyn Queue>>, name: &str, log: Log) -> Self {
        Self {
            rounds: Mutex::new(rounds),
            queue,
            name: name.to_owned(),
            log,
        }
    }

    /// One invocation.
    ///
    /// # Errors
    /// An event that asks for nothing known; spaces that cannot be listed; a round in which every space failed.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Answer, Failed> {
        let LambdaEvent { payload, context } = event;
        let request = Request::try_from(payload)?;
        let mut rounds = self.rounds.lock().await;
        let deadline = deadline(&rounds, &context);
        let mut report = rounds.run(request.work(), deadline).await?;
        give_up(&mut report, &request);
        let handed = self.hand_over(&report.left, &request).await;
        if matches!(handed, Ok(true)) {
            rounds.hand_over(&report.left);
        }
        let line = metric::Line {
            function: &self.name,
            request_id: &context.request_id,
            now: rounds.store().now(),
            malformed: request.malformed(),
            handed_over: *handed.as_ref().unwrap_or(&false),
            report: &report,
        };
        (self.log)(&line.to_json());
        if let Err(error) = &handed {
            tracing::warn!(%error, "the rest was not handed over; a later invocation finds it");
        }
        answer(request, report, matches!(handed, Ok(true)))
    }

    /// Whether there was a queue to send the spaces to.
    async fn hand_over(&self, spaces: &[SpaceName], request: &Request) -> Result<bool> {
        let Some(queue) = self.queue.as_ref().filter(|_| !spaces.is_empty()) else {
            return Ok(false);
        };
        let mut by_hops: BTreeMap<u32, Vec<SpaceName>> = BTreeMap::new();
        for space in spaces {
            let hops = request.hops(space) + 1;
            by_hops.entry(hops).or_default().push(space.clone());
        }
        let mut bodies = Vec::new();
        for (hops, spaces) in by_hops {
            for spaces in spaces.chunks(SPACES_PER_MESSAGE) {
                bodies.push(message_body(spaces, hops)?);
            }
        }
        queue.send(bodies).await?;
        Ok(true)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Spaces that are never finished count as failures: their messages end in the dead-letter queue.
fn give_up(report: &mut Report, request: &Request) {
    let left = std::mem::take(&mut report.left);
    let (over, left): (Vec<_>, Vec<_>) = left
        .into_iter()
        .partition(|space| request.hops(space) >= HOPS_MAX);
    report.left = left;
    report.spaces += over.len() as u64;
    report.failures.extend(over.into_iter().map(|space| {
        Failure {
            space,
            kind: ErrorKind::Unavailable,
            message: format!("not finished by {HOPS_MAX} invocations in a row"),
            hint: Some(
                "give the function more memory or time, or roll it up once by `icecore rollup`"
                    .to_owned(),
            ),
        }
    }));
}

/// The deadline of the invocation by the store's monotonic clock.
fn deadline(rounds: &Rounds, context: &Context) -> Duration {
    let clock = &rounds.store().clock;
    let now = u64::try_from(clock.now()).unwrap_or(0);
    let left = match context.deadline {
        0 => TIME_MAX,
        timeout @ ..=TIMEOUT_MILLIS_MAX => Duration::from_millis(timeout),
        deadline => Duration::from_millis(deadline.saturating_sub(now)),
    };
    clock.monotonic().saturating_add(left)
}

fn answer(request: Request, report: Report, handed_over: bool) -> Result<Answer, Failed> {
    if report.is_failure() {
        return Err(all_failed(&report).into());
    }
    let Request::Messages(messages) = request else {
        return Ok(Answer::Report(Box::new(report)));
    };
    let mut again: BTreeSet<&SpaceName> = report.failures.iter().map(|f| &f.space).collect();
    if !handed_over {
        again.extend(&report.left);
    }
    let mut batch = SqsBatchResponse::default();
    for message in &messages {
        match &message.named {
            Ok(named) if named.spaces.iter().all(|space| !again.contains(space)) => {}
            Ok(_) => batch.add_failure(&message.id),
            Err(error) => {
                // Not its body: who wrote it is unknown.
                tracing::warn!(%error, message = message.id, "a message is left to the dead-letter queue");
                batch.add_failure(&message.id);
            }
        }
    }
    Ok(Answer::Batch(batch))
}

/// The first failure, for all: when none succeeded they mostly have one cause.
fn all_failed(report: &Report) -> Error {
    let count = report.failures.len();
    let Some(first) = report.failures.first() else {
        return Error::internal("BUG: nothing failed");
    };
    let message = format!(
        "each of {count} spaces failed, the first with: {}",
        first.message
    );
    let error = Error::new(first.kind, message);
    match &first.hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
