//! Finding a Python 3.13 on this machine: `LocalStack` runs on no older one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Failure, Outcome, output_of, variable};

const VERSION: &str = "3.13";

/// Prints the version of an interpreter that can also make a virtual environment.
const PROBE: &str = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])";

/// The interpreter: on the path, else one of pyenv's, else what uv has or can get.
pub(crate) fn find() -> Outcome<PathBuf> {
    let on_path = ["python3.13", "python3", "python"].map(PathBuf::from);
    let found = on_path
        .into_iter()
        .chain(of_pyenv())
        .find(|python| fits(python));
    found.or_else(of_uv).ok_or_else(|| {
        Failure::new(format!(
            "no Python {VERSION} (with its venv module) is on the path, in ~/.pyenv or known to uv; \
             install one: `pyenv install {VERSION}`, `uv python install {VERSION}`, \
             or the system's python{VERSION} and python{VERSION}-venv packages"
        ))
    })
}

/// Whether it runs (pyenv's shims may not) and is the right version.
fn fits(python: &Path) -> bool {
    output_of(Command::new(python).args(["-I", "-c", PROBE])).as_deref() == Some(VERSION)
}

/// The interpreters that pyenv installed, also where pyenv itself is not on the path.
fn of_pyenv() -> Vec<PathBuf> {
    let roots = [
        variable("PYENV_ROOT").map(PathBuf::from),
        std::env::home_dir().map(|home| home.join(".pyenv")),
        output_of(Command::new("pyenv").arg("root")).map(PathBuf::from),
    ];
    let versions = roots
        .into_iter()
        .flatten()
        .filter_map(|root| fs::read_dir(root.join("versions")).ok());
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .flatten()
        .filter(|version| version.file_name().to_string_lossy().starts_with(VERSION))
        .map(|version| version.path().join("bin").join("python3"))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn of_uv() -> Option<PathBuf> {
    let find =
        || output_of(Command::new("uv").args(["python", "find", VERSION])).map(PathBuf::from);
    let found = find().or_else(|| {
        output_of(Command::new("uv").args(["python", "install", VERSION]))?;
        find()
    });
    found.filter(|python| fits(python))
}
