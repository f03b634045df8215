//! `fold`: from parsed segments to a state, on one core, beside a plain `serde_json` parse and map fold of the
//! same updates.

use super::number::{Number, exact};
use super::sample::{author, id, task};
use super::site::Site;
use super::timing::{Times, ratio, show, time_on_core};
use crate::context::Context;
use icecore_core::{Base, Entry, Generation, Key, Result, Segment, SegmentHeader};
use serde_json::{Map, Value};

const NAME: &str = "fold";
const UPDATES: u64 = 200_000;
const TASKS: u64 = 20_000;
const SEGMENT: u64 = 20_000;
const AUTHORS: u64 = 16;
const ROUNDS: usize = 7;
const KEY: u64 = 1_795_176_000_000;

/// Both, in turns.
pub(super) async fn fold(context: &Context) -> Result<Vec<Number>> {
    let site = Site::in_memory(context).await?;
    let info = site.space().await?;
    let model = site.store.model(&info)?;
    let packed = segments(&info)?;
    let clock = &*context.clock;
    let (mut unpacking, mut folding, mut floor) =
        (Times::default(), Times::default(), Times::default());
    for _ in 0..ROUNDS {
        let (time, parsed) = time_on_core(clock, || {
            packed
                .iter()
                .map(|bytes| Segment::unpack(bytes))
                .collect::<Result<Vec<_>>>()
        });
        unpacking.add(time);
        let parsed = parsed?;
        let (time, plain) = time_on_core(clock, || plainly(&parsed));
        floor.add(time);
        drop(plain);
        let mut base = Base::initial(&info, std::sync::Arc::clone(&model));
        let (time, folded) = time_on_core(clock, || {
            parsed.iter().try_for_each(|segment| base.fold(segment))
        });
        folding.add(time);
        folded?;
        check(&base, &parsed)?;
    }
    let speed = |times: &Times| exact(UPDATES) / times.median().as_secs_f64();
    let detail = format!(
        "{UPDATES} updates of a task list, {} against {}",
        show(folding.median()),
        show(floor.median())
    );
    Ok(vec![
        Number::new(
            NAME,
            "document updates folded from parsed segments",
            speed(&folding),
            "per s",
        )
        .at_least(500_000.0),
        Number::new(
            NAME,
            "folding / plain serde_json parse and map fold",
            ratio(folding.median(), floor.median()),
            "×",
        )
        .at_most(2.0)
        .detail(detail),
        Number::new(
            NAME,
            "updates unpacked from stored segments, beside that",
            speed(&unpacking),
            "per s",
        ),
    ])
}

/// The updates as stored segments.
fn segments(info: &icecore_core::SpaceInfo) -> Result<Vec<Vec<u8>>> {
    let mut packed = Vec::new();
    let mut previous = None;
    for first in (0..UPDATES).step_by(usize::try_from(SEGMENT).unwrap_or(1)) {
        let entries: Vec<Entry> = (first..first + SEGMENT)
            .map(|n| {
                let id = id(author(n % AUTHORS), n / AUTHORS + 1)?;
                Ok(Entry {
                    id,
                    key: Key::new(KEY + n)?,
                    update: task(n, TASKS)?,
                })
            })
            .collect::<Result<_>>()?;
        let generation = Generation::new(first / SEGMENT + 1)?;
        let mut header = SegmentHeader::new(&info.space, info.epoch, generation, previous);
        header.covered = entries.iter().map(|entry| entry.id).collect();
        header.count = SEGMENT;
        header.through = Key::new(KEY + first + SEGMENT)?;
        let segment = Segment::pack(&header, None, &entries)?;
        previous = Some(segment.digest);
        packed.push(segment.bytes);
    }
    Ok(packed)
}

/// What anybody would write in an afternoon: every update's text is parsed, and put into a map of maps.
fn plainly(segments: &[Segment]) -> Map<String, Value> {
    let mut state = Map::new();
    for entry in segments.iter().flat_map(|segment| &segment.entries) {
        let Ok(Value::Object(mut update)) = serde_json::from_str(entry.update.as_text()) else {
            continue;
        };
        let (Some(Value::String(kind)), Some(Value::Object(data))) =
            (update.remove("kind"), update.remove("data"))
        else {
            continue;
        };
        if kind == "merge" {
            merge(&mut state, data);
            continue;
        }
        for (pointer, value) in data {
            if let Some(field) = place(&mut state, &pointer) {
                put(&kind, field, value);
            }
        }
    }
    state
}

fn merge(state: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match (state.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(patch)) => merge(inner, patch),
            (_, value) => drop(state.insert(name, value)),
        }
    }
}

fn place<'a>(state: &'a mut Map<String, Value>, pointer: &str) -> Option<&'a mut Value> {
    let mut names = pointer.split('/').skip(1);
    let mut field = state.entry(names.next()?).or_insert(Value::Null);
    for name in names {
        field = field.as_object_mut()?.entry(name).or_insert(Value::Null);
    }
    Some(field)
}

fn put(kind: &str, field: &mut Value, value: Value) {
    match (kind, &mut *field, value) {
        ("add", Value::Array(members), Value::Array(new)) => {
            for member in new {
                if !members.contains(&member) {
                    members.push(member);
                }
            }
        }
        ("increment", field, value) => {
            *field = Value::from(field.as_i64().unwrap_or(0) + value.as_i64().unwrap_or(0));
        }
        ("max", field, value) => *field = Value::from(field.as_i64().max(value.as_i64())),
        _ => {}
    }
}

/// Both sides must have done the same work.
fn check(base: &Base, segments: &[Segment]) -> Result<()> {
    let folded: Value = serde_json::from_slice(&base.folded.state_json()?)
        .map_err(|e| icecore_core::Error::internal("BUG: the state is no JSON").with_source(e))?;
    let plain = Value::Object(plainly(segments));
    let count = |state: &Value| state["tasks"].as_object().map_or(0, Map::len);
    if base.folded.rejected.count > 0
        || count(&folded) != count(&plain)
        || folded["tasks"]["task-0000000"]["count"] != plain["tasks"]["task-0000000"]["count"]
    {
        return Err(icecore_core::Error::internal(
            "BUG: the benchmark compares different work",
        ));
    }
    Ok(())
}
