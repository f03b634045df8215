//! How much memory the server may take, and what gets which part of it.

use icecore_store::Settings;
use std::fs;
use std::path::Path;

/// Where neither the machine nor its limits can be asked.
const UNKNOWN: u64 = 2 << 30;
/// Less is of no use: the program itself, its connections and one call take as much.
const LEAST: u64 = 128 << 20;
/// Segments and snapshots are held in memory on their way.
const BODY_MAX: u64 = 256 << 20;

/// How many segments the roll-up reads ahead.
pub(super) const SEGMENTS_AHEAD: usize = 2;

/// The memory that the server may take, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory(u64);

impl Memory {
    /// What was asked for, or half of what there is.
    pub(super) fn new(asked: Option<u64>) -> Self {
        Self(asked.unwrap_or_else(|| there_is() / 2).max(LEAST))
    }

    /// For the bodies of all uploads together.
    pub(super) fn bodies(self) -> u64 {
        self.0 / 4
    }

    /// For the body of one upload.
    pub(super) fn body(self) -> u64 {
        BODY_MAX.min(self.0 / 10)
    }

    /// For one state while a space is rolled up: it is there twice while it is folded.
    fn state(self) -> u64 {
        self.0 / 16
    }

    /// For one segment or snapshot, unpacked. A snapshot of a state that may be held is always one that can be read.
    fn unpacked(self) -> u64 {
        self.0 / 8
    }

    /// These settings within the limits, for who reads so many segments ahead.
    pub(super) fn limit(self, settings: &Settings, segments_ahead: usize) -> Settings {
        Settings {
            unpacked_max: self.unpacked(),
            state_max: self.state(),
            segments_ahead,
            chunk_bytes_max: settings.chunk_bytes_max.min(self.unpacked() / 2),
            ..settings.clone()
        }
    }

    /// For the states that are kept between two rounds.
    pub(super) fn warm(self) -> u64 {
        self.0 / 32
    }
}

/// The memory of the machine, or of the group of processes that this one is confined to.
fn there_is() -> u64 {
    let read = |path: &str| fs::read_to_string(Path::new(path)).ok();
    let machine = read("/proc/meminfo").and_then(|text| of_machine(&text));
    let groups = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let own = read("/proc/self/cgroup").unwrap_or_default();
    let own = above(&own)
        .into_iter()
        .map(|path| format!("/sys/fs/cgroup{path}/memory.max"));
    let groups = own.chain(groups.map(str::to_owned));
    let limits = groups
        .filter_map(|path| read(&path))
        .filter_map(|text| of_group(&text));
    machine.into_iter().chain(limits).min().unwrap_or(UNKNOWN)
}

/// The group of processes that this one is in, and all above it: each may have a limit.
fn above(own: &str) -> Vec<String> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::"));
    let mut path = path.unwrap_or_default().trim_end_matches('/');
    let mut all = Vec::new();
    while let Some((above, _)) = path.rsplit_once('/') {
        all.push(path.to_owned());
        path = above;
    }
    all
}

fn of_machine(meminfo: &str) -> Option<u64> {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// `max` means that there is no limit.
fn of_group(limit: &str) -> Option<u64> {
    limit.trim().parse().ok()
}

/// `512M`, `2G`, or bytes.
///
/// # Errors
/// What is wrong with it, for the command line.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let (number, shift) = match text.trim().to_ascii_uppercase() {
        text if text.ends_with('G') => (text, 30),
        text if text.ends_with('M') => (text, 20),
        text if text.ends_with('K') => (text, 10),
        text => (text, 0),
    };
    let digits = number.trim_end_matches(['G', 'M', 'K']);
    let number: u64 = digits
        .parse()
        .map_err(|_| "write a size like 512M, 2G, or a number of bytes".to_owned())?;
    let bytes = number
        .checked_mul(1 << shift)
        .ok_or_else(|| "that is more than there can be".to_owned())?;
    if bytes < LEAST {
        return Err(format!("the server needs {}M at least", LEAST >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(parse("512M"), Ok(512 << 20));
        assert_eq!(parse("2g"), Ok(2 << 30));
        assert_eq!(parse("134217728"), Ok(128 << 20));
        for wrong in ["", "G", "2T", "-1", "1M", "99999999999G"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_machine_and_its_limits_are_understood() {
        assert_eq!(
            of_machine("MemTotal:       2048 kB\nMemFree: 1 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(of_machine("nothing"), None);
        assert_eq!(of_group("1073741824\n"), Some(1 << 30));
        assert_eq!(of_group("max\n"), None);
        let groups = ["/system.slice/icecore.service", "/system.slice"];
        assert_eq!(above("0::/system.slice/icecore.service\n"), groups);
        assert!(above("0::/\n").is_empty() && above("").is_empty());
    }

    #[test]
    fn the_parts_are_less_than_the_whole() {
        for bytes in [LEAST, 256 << 20, 2 << 30, 64 << 30] {
            let memory = Memory::new(Some(bytes));
            let ahead = SEGMENTS_AHEAD as u64 * memory.unpacked();
            let rolling_up = 2 * memory.state() + ahead + memory.warm();
            let calling = memory.unpacked();
            assert!(memory.bodies() + rolling_up + calling < bytes);
            assert!(2 * memory.state() <= memory.unpacked());
            assert!(memory.body() <= memory.bodies() / 2);
        }
    }
}
