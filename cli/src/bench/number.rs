//! A measured number beside its target, and the machine it was measured on.

use serde::Serialize;

/// What must hold of a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// Measured beside the others, to tell where they come from.
    None,
}

/// One measured number.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Number {
    /// The benchmark.
    pub(super) bench: &'static str,
    /// What was measured.
    pub(super) what: String,
    pub(super) value: f64,
    /// `×`, `requests`, `updates/s` …; empty for a bare count.
    pub(super) unit: &'static str,
    pub(super) target: Target,
    /// `None` where there is no target.
    pub(super) passed: Option<bool>,
    /// How it came about: both sides of a ratio, or what was counted.
    pub(super) detail: String,
}

impl Number {
    pub(super) fn new(
        bench: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) -> Self {
        Self {
            bench,
            what: what.into(),
            value,
            unit,
            target: Target::None,
            passed: None,
            detail: String::new(),
        }
    }

    /// A count of requests, updates or bytes.
    pub(super) fn count(
        bench: &'static str,
        what: impl Into<String>,
        count: u64,
        unit: &'static str,
    ) -> Self {
        Self::new(bench, what, exact(count), unit)
    }

    pub(super) fn at_most(mut self, target: f64) -> Self {
        self.target = Target::AtMost(target);
        self.passed = Some(self.value <= target);
        self
    }

    pub(super) fn at_least(mut self, target: f64) -> Self {
        self.target = Target::AtLeast(target);
        self.passed = Some(self.value >= target);
        self
    }

    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// One line of the table.
    pub(super) fn line(&self) -> String {
        let target = match self.target {
            Target::AtMost(target) => format!("≤ {}", short(target)),
            Target::AtLeast(target) => format!("≥ {}", short(target)),
            Target::None => String::new(),
        };
        let verdict = match self.passed {
            Some(true) => "pass",
            Some(false) => "MISS",
            None => "",
        };
        let value = format!("{} {}", short(self.value), self.unit);
        let line = format!(
            "  {:<58} {:>20}  {target:>11}  {verdict:<4}  {}",
            self.what,
            value.trim_end(),
            self.detail
        );
        line.trim_end().to_owned()
    }
}

/// As many digits as matter.
fn short(value: f64) -> String {
    if value == 0.0 || (value.fract() == 0.0 && value.abs() < 1e15) || value.abs() >= 1000.0 {
        return thousands(value);
    }
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        let left = digits.len() - i;
        if i > 0 && left % 3 == 0 && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count as a float.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark are far below 2^53"
)]
pub(super) fn exact(count: u64) -> f64 {
    count as f64
}

/// The machine.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) memory: String,
    pub(super) os: String,
    pub(super) arch: &'static str,
    /// `release`, or `debug`: then no time means anything.
    pub(super) build: &'static str,
}

impl Machine {
    pub(super) fn here() -> Self {
        let after = |path: &str, name: &str| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let line = text
                .lines()
                .find(|line| line.starts_with(name))
                .unwrap_or_default()
                .to_owned();
            let value = line
                .split_once([':', '='])
                .map(|(_, value)| value.trim().trim_matches('"').to_owned());
            value.unwrap_or_else(|| "unknown".to_owned())
        };
        Self {
            cpu: after("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: after("/proc/meminfo", "MemTotal"),
            os: match after("/etc/os-release", "PRETTY_NAME").as_str() {
                "unknown" => std::env::consts::OS.to_owned(),
                name => name.to_owned(),
            },
            arch: std::env::consts::ARCH,
            build: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        }
    }

    pub(super) fn line(&self) -> String {
        format!(
            "{}, {} cores, {} of memory, {} ({}), {} build",
            self.cpu, self.cores, self.memory, self.os, self.arch, self.build
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_judged() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (1.236, "1.24"),
            (123.4, "123"),
            (1_234_567.8, "1,234,568"),
        ] {
            assert_eq!(short(value), text);
        }
        let number = Number::count("poll", "requests of an idle poll", 2, "requests").at_most(1.0);
        assert_eq!(number.passed, Some(false));
        assert!(number.line().contains("MISS"));
        assert_eq!(
            Number::new("fold", "speed", 2.0, "×").at_least(1.0).passed,
            Some(true)
        );
    }
}
