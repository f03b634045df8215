//! `idle`: what a client of a gateway asks for while nothing changes, counted where its requests leave it.
//!
//! A real replica polls a real server for hours of its own clock, which is moved on between polls.

use super::number::{Number, exact};
use super::requests::per;
use super::sample::{message, queued};
use super::served::Served;
use super::traffic::Counter;
use crate::context::Context;
use async_trait::async_trait;
use icecore_core::plan::Pace;
use icecore_core::{Error, Result};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::{Clock, draw};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const NAME: &str = "idle";
const POLL_EVERY: Duration = Duration::from_secs(5);
/// As long as the Rust client's.
const PAUSE_MAX: Duration = Duration::from_mins(1);
const HOURS: u64 = 4;
const POLLS: u64 = HOURS * 720;
/// What it polls with is good for an hour, and renewed at once.
const CALLS_MAX: f64 = 2.0;

/// Hours of polls.
pub(super) async fn idle(context: &Context) -> Result<Vec<Number>> {
    let served = Served::start(context).await?;
    let info = served.space(context).await?;
    let mut writer = Replica::in_memory(served.store(context)?)?.space(&info.space)?;
    writer.enqueue(&[queued(message(1, 1)?)])?;
    writer.sync().await?;
    let ahead = Arc::new(Ahead {
        inner: Arc::clone(&context.clock),
        millis: AtomicU64::new(0),
    });
    let clock: Arc<dyn Clock> = Arc::clone(&ahead) as Arc<dyn Clock>;
    let (store, traffic) = served.counted_store(&clock, context)?;
    let mut space = Replica::in_memory(store)?.space(&info.space)?;
    space.pull().await?;
    let before = traffic.now();
    for _ in 0..POLLS {
        ahead.move_on(POLL_EVERY);
        look(&mut space).await?;
    }
    let spent = traffic.now().since(before);
    let paced = paced(&mut space, &ahead, (&traffic, context)).await?;
    let bucket = spent.gets + spent.lists + spent.others;
    let detail = format!(
        "{POLLS} polls in {HOURS} hours: {} GET, {} of them answered \"not modified\", {} LIST",
        spent.gets, spent.not_modified, spent.lists
    );
    let dollars = spent.dollars() / exact(HOURS) * 24.0 * 30.0;
    let mut numbers = vec![
        Number::new(
            NAME,
            "gateway calls in an idle hour",
            per(spent.calls, HOURS),
            "",
        )
        .at_most(CALLS_MAX)
        .detail(format!("{} in {HOURS} hours", spent.calls)),
        Number::new(
            NAME,
            "requests of the bucket for an idle poll",
            per(bucket, POLLS),
            "",
        )
        .at_most(1.05)
        .detail(detail),
        Number::new(
            NAME,
            "S3 requests of it in 30 days, polled every 5 s",
            dollars,
            "$",
        )
        .at_most(0.3),
    ];
    numbers.extend(paced);
    Ok(numbers)
}

/// As `Replica::keep_syncing` of the Rust client does it.
async fn paced(
    space: &mut SpaceReplica,
    ahead: &Ahead,
    (traffic, context): (&Counter, &Context),
) -> Result<Vec<Number>> {
    let before = traffic.now();
    let (began, mut polls) = (ahead.monotonic(), 0_u64);
    let pace = Pace::new(POLL_EVERY, PAUSE_MAX, began);
    while ahead.monotonic().saturating_sub(began) < Duration::from_hours(HOURS) {
        ahead.move_on(pace.pause(ahead.monotonic(), draw(&*context.ids)));
        look(space).await?;
        polls += 1;
    }
    let paced = traffic.now().since(before);
    Ok(vec![
        Number::new(
            NAME,
            "requests a minute at the pace of `keep_syncing`",
            per(paced.gets + paced.lists + paced.others, HOURS * 60),
            "",
        )
        .at_most(3.0)
        .detail(format!(
            "{polls} polls in {HOURS} hours: {} GET, {} LIST",
            paced.gets, paced.lists
        )),
        Number::new(
            NAME,
            "S3 requests of it in 30 days, at that pace",
            paced.dollars() / exact(HOURS) * 24.0 * 30.0,
            "$",
        )
        .at_most(0.1),
    ])
}

async fn look(space: &mut SpaceReplica) -> Result<()> {
    if space.pull().await?.changed {
        return Err(Error::internal("BUG: nobody wrote, and something changed"));
    }
    Ok(())
}

/// A clock whose monotonic time can be moved on.
#[derive(Debug)]
struct Ahead {
    inner: Arc<dyn Clock>,
    millis: AtomicU64,
}

impl Ahead {
    fn move_on(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(0);
        self.millis.fetch_add(millis, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for Ahead {
    fn now(&self) -> i64 {
        self.inner.now()
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic() + Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }
}
