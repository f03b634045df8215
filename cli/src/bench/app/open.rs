//! Rows 4, 5 and 9: opening a space from nothing, from the own disk, and one that nobody rolled up.

use super::ground::{Filled, Grounds, LARGE, RECORDS, SMALL};
use super::records::{Book, Msg, Records};
use super::{NAME, on};
use crate::bench::number::Number;
use crate::bench::sample::author;
use crate::bench::site::{Site, cannot};
use crate::bench::timing::{Times, ratio, show, time, time_of};
use crate::context::Context;
use crate::human;
use flate2::read::GzDecoder;
use icecore::{Order, Place, Replica};
use icecore_core::{Error, Key, ObjectKey, Result, Seq, Update, UpdateObject};
use icecore_store::backend::{RequestCounts, from_object_store};
use object_store::ObjectStoreExt;
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};

const ROUNDS: usize = 9;
/// Objects that nobody rolled up.
const WAITING: u64 = 4_000;
/// The first of them is this old.
const AGO_MILLIS: u64 = 24 * 3_600_000;

/// Rows 4 and 5; with `slow` also after ten times the history.
pub(super) async fn rolled_up(
    grounds: &Grounds,
    slow: bool,
    context: &Context,
) -> Result<Vec<Number>> {
    let mut numbers = Vec::new();
    let mut cases = vec![(SMALL, 1), (LARGE, 1)];
    if slow {
        cases.extend([(SMALL, 10), (LARGE, 10)]);
    }
    for (bytes, times) in cases {
        for (n, site) in grounds.sites.iter().enumerate() {
            let devices = Devices(grounds.scratch.path(&format!("open-{n}-{bytes}-{times}")));
            let size = (RECORDS, bytes);
            let filled = Filled::write(&site.store, devices.path("writer"), size, times).await?;
            let opened = Box::pin(from_nothing(site, &filled, &devices, context));
            let (cold, device) = opened.await?;
            numbers.extend(cold.numbers(site, &filled, times));
            // The own disk is the same one wherever the store is.
            if n == 0 && times == 1 {
                numbers.extend(Box::pin(again(site, &filled, &device, context)).await?);
            }
        }
    }
    Ok(numbers)
}

/// Folders of devices.
struct Devices(PathBuf);

impl Devices {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Openings from nothing, and their floor.
struct Cold {
    opening: Times,
    floor: Times,
    counts: RequestCounts,
}

/// Opens on new devices; returns the last one's folder too.
async fn from_nothing(
    site: &Site,
    filled: &Filled,
    devices: &Devices,
    context: &Context,
) -> Result<(Cold, PathBuf)> {
    let clock = &*context.clock;
    let (mut opening, mut floor) = <(Times, Times)>::default();
    let mut counts = RequestCounts::default();
    let mut device = PathBuf::new();
    for n in 0..ROUNDS {
        let (raw, parsed) = time(clock, read_and_parse(site, filled)).await;
        let parsed = parsed?;
        floor.add(raw);
        device = devices.path(&format!("new-{n}"));
        let before = site.metered.counts();
        let (cold, replica) = time(clock, filled.other(&site.store, &device)).await;
        opening.add(cold);
        counts = site.metered.counts() - before;
        if *replica?.state() != parsed {
            return Err(Error::internal("BUG: opened was another state"));
        }
    }
    let cold = Cold {
        opening,
        floor,
        counts,
    };
    Ok((cold, device))
}

impl Cold {
    fn numbers(&self, site: &Site, filled: &Filled, times: u64) -> [Number; 2] {
        let updates = u64::from(filled.records) * times / 1_000;
        let what = format!("4: cold open, {}, {updates} k updates", filled.what());
        let (opening, floor) = (self.opening.median(), self.floor.median());
        let of = &self.counts.total;
        [
            Number::new(
                NAME,
                on(&format!("{what} / raw"), &site.name),
                ratio(opening, floor),
                "×",
            )
            .detail(format!("{} against {}", show(opening), show(floor))),
            Number::count(
                NAME,
                on("4: requests of it", &site.name),
                self.counts.requests(),
                "",
            )
            .at_most(8.0)
            .detail(format!(
                "{} GET, {} LIST, {} PUT; {} read",
                of.get,
                of.list,
                of.put,
                human::bytes(of.bytes_in)
            )),
        ]
    }
}

/// What any program would do: read the newest snapshot, unpack it, parse it.
async fn read_and_parse(site: &Site, filled: &Filled) -> Result<Records> {
    let name = filled.name()?;
    let info = site.store.space(&name).await?.info;
    let folder = ObjectKey::snapshots(&name, info.epoch);
    let names = |name: &str| Some(name.to_owned());
    let listed = site.store.bucket.list(&folder, None, names).await?;
    let newest = listed.iter().map(|object| &object.key).max();
    let newest = newest.ok_or_else(|| Error::internal("BUG: a space without a snapshot"))?;
    let path = site.path(&format!("{folder}/{newest}"));
    let failed = |e| from_object_store(e, "read the snapshot", path.as_ref());
    let got = site.backend.store.get(&path).await.map_err(failed)?;
    let packed = got.bytes().await.map_err(failed)?;
    let mut json = Vec::new();
    GzDecoder::new(&packed[..])
        .read_to_end(&mut json)
        .map_err(|e| cannot("unpack", Path::new(path.as_ref()), e))?;
    let mut records = Records::new();
    let longest = json.split(|&byte| byte == b'\n').map(<[u8]>::len).max();
    for line in json.split(|&byte| byte == b'\n').filter(|l| !l.is_empty()) {
        if Some(line.len()) == longest {
            records = parse(line)?;
        } else {
            parse::<Value>(line)?;
        }
    }
    Ok(records)
}

fn parse<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T> {
    serde_json::from_slice(json)
        .map_err(|e| Error::corrupt("a state of the benchmark does not parse").with_source(e))
}

/// Row 5: open again, without a request.
async fn again(
    site: &Site,
    filled: &Filled,
    device: &Path,
    context: &Context,
) -> Result<Vec<Number>> {
    let clock = &*context.clock;
    let json = serde_json::to_vec(&*filled.writer.state())
        .map_err(|e| Error::internal("BUG: a state has a JSON form").with_source(e))?;
    let (mut floor, mut values, mut reader, mut writer) = <(Times, Times, Times, Times)>::default();
    for _ in 0..ROUNDS {
        let (plain, parsed) = time_of(clock, || parse::<Records>(&json));
        let parsed = parsed?;
        floor.add(plain);
        let (as_values, parsed_values) = time_of(clock, || parse::<Value>(&json));
        parsed_values?;
        values.add(as_values);
        for (times, device) in [(&mut reader, device), (&mut writer, &*filled.device)] {
            let place = Place::on(site.store.clone()).with_replica(device);
            let before = site.metered.counts();
            let (opening, opened) =
                time(clock, Box::pin(Replica::open(Book, &place, &filled.space))).await;
            if *opened?.state() != parsed || site.metered.counts() != before {
                return Err(Error::internal(
                    "BUG: opened was another state, or by requests",
                ));
            }
            times.add(opening);
        }
    }
    let floor50 = floor.median();
    let number = |what: &str, times: &Times| {
        let what = format!("5: open again, {}, {what} / parse", filled.what());
        let detail = format!(
            "{} against {} ({} as serde_json::Value) for {}",
            show(times.median()),
            show(floor50),
            show(values.median()),
            human::bytes(json.len() as u64)
        );
        Number::new(NAME, what, ratio(times.median(), floor50), "×").detail(detail)
    };
    Ok(vec![
        number("has a snapshot", &reader).at_most(2.0),
        number("wrote it all", &writer),
    ])
}

/// Row 9: updates that nobody rolled up, an object each.
pub(super) async fn waiting(grounds: &Grounds, context: &Context) -> Result<Vec<Number>> {
    let folder = grounds.scratch.path("waiting");
    let site = Site::in_folder(&folder, context).await?;
    let place = Place::on(site.store.clone());
    let maker = Replica::create(Book, &place, "waiting", Order::Timestamp).await?;
    drop(maker);
    write_waiting(&site, &folder, context).await?;
    let mut numbers = Vec::new();
    for (n, which) in ["first", "second"].into_iter().enumerate() {
        let device = grounds.scratch.path(&format!("waiting-{n}"));
        let place = Place::on(site.store.clone()).with_replica(device);
        let before = site.metered.counts();
        let work = async {
            let replica = Replica::open(Book, &place, "waiting").await?;
            replica.sync().await?;
            Ok::<_, Error>(replica.state().len() as u64)
        };
        let (time, records) = time(&*context.clock, Box::pin(work)).await;
        if records? != WAITING {
            return Err(Error::internal("BUG: not all that waits was read"));
        }
        let counts = site.metered.counts() - before;
        let detail = format!(
            "{}; {} GET, {} LIST, {} PUT",
            show(time),
            counts.total.get,
            counts.total.list,
            counts.total.put
        );
        let what = format!("9: requests of the {which} open, 4,000 not rolled up");
        let number = Number::count(NAME, what, counts.requests(), "").detail(detail);
        numbers.push(match n {
            0 => number,
            _ => number.at_most(12.0),
        });
    }
    Ok(numbers)
}

/// One file each, without an fsync: how they are written is not measured here.
async fn write_waiting(site: &Site, folder: &Path, context: &Context) -> Result<()> {
    let info = site.store.space(&"waiting".parse()?).await?.info;
    let updates = folder.join(ObjectKey::updates(&info.space, info.epoch));
    std::fs::create_dir_all(&updates).map_err(|e| cannot("create", &updates, e))?;
    let began = u64::try_from(context.clock.now()).unwrap_or(0) - AGO_MILLIS;
    for n in 0..WAITING {
        let id = u32::try_from(n).unwrap_or(0);
        let (kind, data) = icecore::message::encode(&Msg::put(id, 0, SMALL))?;
        let at = i64::try_from(began + n).unwrap_or(0);
        let update = Update::of_version(1, at, (&kind, &data), None)?;
        let object = UpdateObject::new(author(n % 64), Seq::new(n / 64 + 1)?, vec![update]);
        let path = updates.join(format!("{:#}", Key::new(began + n * 1_000)?));
        std::fs::write(&path, object.to_json()).map_err(|e| cannot("write", &path, e))?;
    }
    Ok(())
}
