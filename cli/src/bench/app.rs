//! `app`: speed as an app feels it. An update until it is safe, somebody else's until it is here, opening, and what a state
//! takes; each beside the least that any program would need for it on the same disk or the same bucket.
//!
//! The rows have the numbers of `docs/performance.md`. Row 10, what an idle client costs, is the benchmark `idle`.

mod arrive;
mod ground;
mod local;
mod memory;
mod open;
mod publish;
mod records;
mod writers;

use super::BenchArgs;
use super::number::Number;
use crate::context::Context;
use futures::future::BoxFuture;
use ground::Grounds;
use icecore_core::{Error, Result};
pub(crate) use memory::{ReplicaArgs, run_process};

const NAME: &str = "app";

/// All rows, or the one that `--row` names; with `--slow` also after ten times the history.
pub(super) async fn app(context: &Context, args: &BenchArgs) -> Result<Vec<Number>> {
    let grounds = Grounds::new(context).await?;
    let mut numbers = Vec::new();
    for (rows, run) in ROWS {
        if args.row.is_none_or(|row| rows.contains(&row)) {
            numbers.extend(run(&grounds, context, args).await?);
        }
    }
    if numbers.is_empty() {
        let error = Error::invalid("there is no such row of `app`");
        return Err(error.with_hint("there are 1 to 9, and 11; row 10 is the benchmark `idle`"));
    }
    Ok(numbers)
}

type Run =
    for<'a> fn(&'a Grounds, &'a Context, &'a BenchArgs) -> BoxFuture<'a, Result<Vec<Number>>>;

/// Which rows are measured together, and by what.
const ROWS: [(&[u8], Run); 8] = [
    (&[1], |grounds, context, _| {
        Box::pin(publish::replica(grounds, context))
    }),
    (&[2], |grounds, context, _| {
        Box::pin(publish::typed(grounds, context))
    }),
    (&[3], |grounds, context, _| {
        Box::pin(writers::writers(grounds, context))
    }),
    (&[4, 5], |grounds, context, args| {
        Box::pin(open::rolled_up(grounds, args.slow, context))
    }),
    (&[6], |grounds, context, _| {
        Box::pin(arrive::arrive(grounds, context))
    }),
    (&[7, 8], |grounds, context, _| {
        Box::pin(local::local(grounds, context))
    }),
    (&[9], |grounds, context, _| {
        Box::pin(open::waiting(grounds, context))
    }),
    (&[11], |grounds, _, _| Box::pin(memory::memory(grounds))),
];

/// What was measured, and on which store.
fn on(what: &str, store: &str) -> String {
    format!("{what}, {store}")
}
