//! A progress bar for what takes longer than a second, only on a terminal.

use icecore_store::Clock;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Nothing is shown before this: most commands are done by then.
const QUIET_FOR: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(120);

const SPINNER: &str = "{spinner} {msg} ({elapsed})";
const STEPS: &str = "{msg} [{bar:30}] {pos}/{len} ({eta})";

/// All bars, so that they can make room for a question.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Does something that writes to the terminal while no bar is drawn: asks a person.
pub(crate) fn hidden_while<T>(work: impl FnOnce() -> T) -> T {
    BARS.suspend(work)
}

/// A bar on stderr that appears when the work takes long, and goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    appears: Option<JoinHandle<()>>,
}

impl Progress {
    /// Work of unknown length.
    pub(crate) fn spinner(clock: &Arc<dyn Clock>, doing: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner().with_message(doing.into());
        Self::start(clock, bar, SPINNER)
    }

    /// Work of `length` steps.
    pub(crate) fn of(clock: &Arc<dyn Clock>, doing: impl Into<String>, length: u64) -> Self {
        let bar = ProgressBar::new(length).with_message(doing.into());
        Self::start(clock, bar, STEPS)
    }

    fn start(clock: &Arc<dyn Clock>, bar: ProgressBar, template: &'static str) -> Self {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        if !stderr().is_terminal() {
            return Self { bar, appears: None };
        }
        bar.set_style(style(template));
        let (clock, appearing) = (Arc::clone(clock), bar.clone());
        let appears = tokio::spawn(async move {
            clock.sleep(QUIET_FOR).await;
            BARS.add(appearing).enable_steady_tick(TICK);
        });
        Self {
            bar,
            appears: Some(appears),
        }
    }

    /// From here on the length of the work is known: a spinner becomes a bar.
    pub(crate) fn counts(&self, doing: impl Into<String>, length: u64) {
        self.bar.set_style(style(STEPS));
        self.bar.set_message(doing.into());
        self.bar.set_length(length);
    }

    /// `done` of `all` steps.
    pub(crate) fn at(&self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
    }

    /// One more step.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    /// Prints something without a torn bar in between.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

fn style(template: &'static str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("BUG: the template is a constant")
        .progress_chars("=> ")
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(appears) = self.appears.take() {
            appears.abort();
        }
        self.bar.finish_and_clear();
    }
}
