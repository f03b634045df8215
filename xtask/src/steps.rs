//! Named steps: a header before, the duration after, the total at the end, and what it all cost the processors.

use std::thread;
use std::time::{Duration, Instant};

use crate::run::{Failure, Outcome, now, processor_time};

/// The steps of one run, in order.
#[derive(Debug)]
pub(crate) struct Steps {
    started: Instant,
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    took: Duration,
    passed: bool,
}

/// What a step ends with. Tests report all their failures, so that they ran says nothing of whether they passed.
pub(crate) trait Verdict {
    /// Whether the step passed.
    fn passed(&self) -> bool {
        true
    }
}

impl Verdict for () {}

impl Steps {
    pub(crate) fn start() -> Self {
        Self {
            started: now(),
            done: Vec::new(),
        }
    }

    /// Runs one step. A failure carries the step's name.
    pub(crate) fn run<T: Verdict>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Outcome<T>,
    ) -> Outcome<T> {
        println!("\n== {name}");
        let done = timed(work);
        self.ended(name, done)
    }

    /// Runs two steps side by side, for the one leaves the machine idle where the other works. What they print is mixed.
    pub(crate) fn run_both<A: Verdict, B: Verdict + Send>(
        &mut self,
        (first, work): (&'static str, impl FnOnce() -> Outcome<A>),
        (second, beside): (&'static str, impl FnOnce() -> Outcome<B> + Send),
    ) -> Outcome<(A, B)> {
        println!("\n== {first}, and {second} beside it");
        let (done, other) = thread::scope(|scope| {
            let other = scope.spawn(|| timed(beside));
            let done = timed(work);
            (done, other.join().expect("BUG: it returns failures"))
        });
        let done = self.ended(first, done);
        let other = self.ended(second, other);
        Ok((done?, other?))
    }

    fn ended<T: Verdict>(
        &mut self,
        name: &'static str,
        (outcome, took): (Outcome<T>, Duration),
    ) -> Outcome<T> {
        let passed = outcome.as_ref().is_ok_and(Verdict::passed);
        println!("== {name}: {} in {}", word(passed), seconds(took));
        self.done.push(Step { name, took, passed });
        outcome.map_err(|failure| Failure::new(format!("step `{name}` failed: {failure}")))
    }

    /// Prints every step with its duration, the total, and what all of it cost the processors.
    pub(crate) fn summary(&self) {
        println!();
        for Step { name, took, passed } in &self.done {
            println!("{name:<12} {:>9}  {}", seconds(*took), word(*passed));
        }
        println!("{:<12} {:>9}", "total", seconds(self.started.elapsed()));
        // On a machine that others use too, this says more than the time that went by.
        if let Some(spent) = processor_time() {
            println!("{:<12} {:>9}", "processors", seconds(spent));
        }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = now();
    let done = work();
    (done, started.elapsed())
}

fn word(passed: bool) -> &'static str {
    if passed { "ok" } else { "FAILED" }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
