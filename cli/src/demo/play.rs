//! The play from the first to the last process.

use super::check::check;
use super::company::Company;
use super::conversation::Conversation;
use super::replica::ReplicaDone;
use super::report::{Bytes, Part as ReportPart, Report};
use super::rollups::RollupsDone;
use super::script::{Cast, Part, SPACE, Script, Timing};
use super::stage::Stage;
use super::wire::{Command, Event};
use super::{DemoArgs, cannot};
use crate::context::Context;
use crate::progress::Progress;
use icecore_core::{Error, Generation, Key, ModelRef, ObjectKey, Order, Result, SpaceName};
use icecore_store::history::Segments;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::verify::{VerifyReport, verify};
use std::path::PathBuf;
use std::sync::Arc;

/// Roll-up processes side by side: they race, and nothing comes of it.
const ROLLUPS: usize = 2;

/// What is played, and where.
#[derive(Debug)]
pub(super) struct Play<'a> {
    conversation: &'a Conversation,
    cast: Cast,
    timing: Timing,
    folder: PathBuf,
    context: &'a Context,
}

/// The processes of a play, by number.
struct Roles {
    replicas: Vec<usize>,
    rollups: Vec<usize>,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        conversation: &'a Conversation,
        args: &DemoArgs,
        folder: PathBuf,
        context: &'a Context,
    ) -> Self {
        let cast = Cast::new(conversation, usize::from(args.replicas));
        let timing = Timing::new(conversation.ticks(), u64::from(args.seconds));
        Self {
            conversation,
            cast,
            timing,
            folder,
            context,
        }
    }

    /// Plays, compares and reports.
    pub(super) async fn perform(self) -> Result<Report> {
        let clock = &self.context.clock;
        let start = clock.monotonic();
        let script = self.first_script()?;
        let stage = self.set(&script).await?;
        let mut company = Company::new(Arc::clone(clock));
        let roles = self.gather(&mut company, &script)?;
        self.replay(&mut company, &roles).await?;
        let rollups = self
            .end_rollups(&mut company, &roles, &stage, &script)
            .await?;
        let mut replicas = finish(&mut company, &roles.replicas).await?;
        let fresh = self.fresh(&mut company, &script).await?;
        let parts: Vec<ReportPart> = self.parts(&replicas);
        replicas.push(fresh);
        let state = self.compare(&replicas)?;
        check(&state, self.conversation, &self.cast)?;
        let progress = Progress::spinner(clock, "verifying");
        let verified = verify(&stage.store, &script.space, &mut |done, all| {
            progress.at(done, all);
        })
        .await?;
        drop(progress);
        judge(&verified, &replicas)?;
        let late = late(&stage, &script.space).await?;
        let bytes = self.bytes(&stage, &script.space, &replicas).await?;
        Ok(Report {
            folder: self.folder.clone(),
            store: script.store,
            space: script.space,
            lines: self.conversation.lines.len(),
            people: self.conversation.people().persons().len(),
            replicas: parts,
            fresh_requests: replicas
                .pop()
                .map(|fresh| fresh.requests)
                .unwrap_or_default(),
            rollups,
            late,
            bytes,
            sha256: icecore_core::Digest::of(&state).to_string(),
            verified,
            seconds: clock.monotonic().saturating_sub(start).as_secs_f64(),
        })
    }

    /// What all scripts share.
    fn first_script(&self) -> Result<Script> {
        let (store, space) = match super::store_named(self.context) {
            Some(url) => (url.to_owned(), super::random_name(self.context)),
            None => (
                self.folder.join("store").display().to_string(),
                SPACE.to_owned(),
            ),
        };
        Ok(Script {
            name: "rollup".to_owned(),
            store,
            space: space.parse()?,
            part: Part::Rollup,
        })
    }

    /// Makes the store and the space.
    async fn set(&self, script: &Script) -> Result<Stage> {
        let stage = Stage::open(
            &script.store,
            Arc::clone(&self.context.clock),
            self.context,
            true,
        )
        .await?;
        stage.store.create().await?;
        stage
            .store
            .create_space(&script.space, ModelRef::named("document"), Order::Timestamp)
            .await?;
        Ok(stage)
    }

    fn gather(&self, company: &mut Company, script: &Script) -> Result<Roles> {
        let mut roles = Roles {
            replicas: Vec::new(),
            rollups: Vec::new(),
        };
        for replica in 0..self.cast.replicas {
            let part = Part::Replica(self.cast.part(
                self.conversation,
                replica,
                &self.timing,
                &self.folder,
            ));
            let script = Script {
                name: format!("replica-{}", replica + 1),
                part,
                ..script.clone()
            };
            roles.replicas.push(company.start(&script, &self.folder)?);
        }
        for rollup in 0..ROLLUPS {
            let script = Script {
                name: format!("rollup-{}", rollup + 1),
                ..script.clone()
            };
            roles.rollups.push(company.start(&script, &self.folder)?);
        }
        Ok(roles)
    }

    /// From the first line to the moment when every update is acknowledged.
    async fn replay(&self, company: &mut Company, roles: &Roles) -> Result<()> {
        let all: Vec<usize> = roles
            .replicas
            .iter()
            .chain(&roles.rollups)
            .copied()
            .collect();
        company
            .hear(&all, |_, event| matches!(event, Event::Ready))
            .await?;
        company.tell(&all, Command::Go).await?;
        let updates = self.cast.updates(self.conversation);
        let progress = Progress::of(&self.context.clock, "replaying", updates);
        let mut stored = 0;
        company
            .hear(&roles.replicas, |_, event| {
                if let Event::Acknowledged(more) = event {
                    stored += more;
                    progress.at(stored, updates);
                }
                matches!(event, Event::Played)
            })
            .await
    }

    /// Stops the roll-ups, and rolls up what they left.
    async fn end_rollups(
        &self,
        company: &mut Company,
        roles: &Roles,
        stage: &Stage,
        script: &Script,
    ) -> Result<RollupsDone> {
        company.tell(&roles.rollups, Command::Finish).await?;
        let mut done = RollupsDone::default();
        company
            .hear(&roles.rollups, |_, event| match event {
                Event::Rollups(of_one) => {
                    done.join(of_one);
                    true
                }
                _ => false,
            })
            .await?;
        let before = stage.metered.counts();
        let options = RollupOptions {
            full: true,
            now: true,
            ..RollupOptions::default()
        };
        done.add(&roll_up(&stage.store, &script.space, &options).await?);
        done.requests = done.requests + (stage.metered.counts() - before);
        Ok(done)
    }

    /// A replica that has seen nothing of it all.
    async fn fresh(&self, company: &mut Company, script: &Script) -> Result<ReplicaDone> {
        let part = Part::Replica(Cast::fresh(&self.folder));
        let script = Script {
            name: "fresh".to_owned(),
            part,
            ..script.clone()
        };
        let fresh = [company.start(&script, &self.folder)?];
        company
            .hear(&fresh, |_, event| matches!(event, Event::Ready))
            .await?;
        company.tell(&fresh, Command::Go).await?;
        company
            .hear(&fresh, |_, event| matches!(event, Event::Played))
            .await?;
        let done = finish(company, &fresh).await?;
        done.into_iter()
            .next()
            .ok_or_else(|| Error::internal("BUG: the fresh replica said nothing"))
    }

    fn parts(&self, replicas: &[ReplicaDone]) -> Vec<ReportPart> {
        let part = |replica| {
            self.cast
                .part(self.conversation, replica, &self.timing, &self.folder)
        };
        replicas
            .iter()
            .enumerate()
            .map(|(replica, done)| ReportPart::new(&part(replica), done.clone()))
            .collect()
    }

    /// All states, byte for byte; the last replica is the fresh one.
    fn compare(&self, replicas: &[ReplicaDone]) -> Result<Vec<u8>> {
        let names = (1..replicas.len())
            .map(|n| format!("replica-{n}"))
            .chain(["fresh".to_owned()]);
        let mut first: Option<(String, Vec<u8>)> = None;
        for name in names {
            let path = self.folder.join("states").join(format!("{name}.json"));
            let state = std::fs::read(&path).map_err(|e| cannot("read", &path, e))?;
            match &first {
                None => first = Some((name, state)),
                Some((_, same)) if *same == state => {}
                Some((other, _)) => {
                    return Err(Error::corrupt(format!("{name} holds another state than {other}"))
                        .with_object(path.display().to_string())
                        .with_hint("this must not happen: please report it, with the folder that the demo left"));
                }
            }
        }
        first
            .map(|(_, state)| state)
            .ok_or_else(|| Error::internal("BUG: a demo without replicas"))
    }

    /// What lies in the bucket.
    async fn bytes(
        &self,
        stage: &Stage,
        space: &SpaceName,
        replicas: &[ReplicaDone],
    ) -> Result<Bytes> {
        let sizes = |folder: String| async move {
            let listed = stage
                .store
                .bucket
                .list(&folder, None, |name| Some(name.to_owned()))
                .await?;
            Ok::<Vec<u64>, Error>(listed.into_iter().map(|object| object.bytes).collect())
        };
        let epoch = stage.store.space(space).await?.info.epoch;
        Ok(Bytes {
            json: replicas.iter().map(|replica| replica.json_bytes).sum(),
            objects: sizes(ObjectKey::updates(space, epoch)).await?.iter().sum(),
            segments: sizes(ObjectKey::segments(space, epoch)).await?.iter().sum(),
            snapshot: sizes(ObjectKey::snapshots(space, epoch))
                .await?
                .last()
                .copied()
                .unwrap_or(0),
            state: replicas.last().map_or(0, |replica| replica.state_bytes),
        })
    }
}

async fn finish(company: &mut Company, replicas: &[usize]) -> Result<Vec<ReplicaDone>> {
    company.tell(replicas, Command::Finish).await?;
    let mut done = vec![ReplicaDone::default(); replicas.len()];
    company
        .hear(replicas, |number, event| {
            match (event, replicas.iter().position(|&n| n == number)) {
                (Event::Replica(of_one), Some(index)) => {
                    done[index] = of_one;
                    true
                }
                _ => false,
            }
        })
        .await?;
    Ok(done)
}

/// How many updates arrived after a roll-up had passed their key.
async fn late(stage: &Stage, space: &SpaceName) -> Result<u64> {
    let info = stage.store.space(space).await?.info;
    let mut segments = Segments::after(&stage.store, &info, Generation::ZERO).await?;
    let (mut reached, mut late) = (Key::MIN, 0);
    while let Some(segment) = segments.next().await? {
        late += segment
            .entries
            .iter()
            .filter(|entry| entry.key <= reached)
            .count() as u64;
        reached = segment.header.through;
    }
    Ok(late)
}

/// The history must hold every acknowledged update once, and nothing may be wrong with it.
fn judge(verified: &VerifyReport, replicas: &[ReplicaDone]) -> Result<()> {
    if let Some(problem) = verified.problems.first() {
        return Err(Error::corrupt(format!("verify found: {}", problem.message))
            .with_object(&problem.object));
    }
    let updates: u64 = replicas.iter().map(|replica| replica.updates).sum();
    if verified.updates != updates
        || verified.waiting_objects > 0
        || !verified.quarantined.is_empty()
    {
        return Err(Error::corrupt(format!(
            "{updates} updates were acknowledged, and the history holds {}; {} objects wait and {} lie in quarantine",
            verified.updates,
            verified.waiting_objects,
            verified.quarantined.len()
        )));
    }
    Ok(())
}
