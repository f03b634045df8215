//! The deployment, as far as it can be tried without AWS: the template's lints, and both functions built from it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::run::{
    Failure, Outcome, output_of, outside_of_cargo, retried, run, variable, workspace,
};
use crate::venv::Environment;

const TEMPLATE: &str = "infra/template.yaml";
const FUNCTIONS: [&str; 2] = ["GatewayFunction", "RollupFunction"];
const TARGET: &str = "aarch64-unknown-linux-gnu";

/// Away from `target/sam`, from which people deploy: these functions are slow ones.
const CHECK_FOLDER: &str = "target/sam-check";

/// What is asked of the build is that it works. Optimised functions would take several times as long.
const UNOPTIMISED: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

/// Checks the template: by SAM, which expands it first, and as it stands.
pub(crate) fn lint(tools: &Environment) -> Outcome {
    run(sam(tools)?.args(["validate", "--lint", "--template-file", TEMPLATE]))?;
    run(Command::new(tools.program("cfn-lint"))
        .arg(TEMPLATE)
        .current_dir(workspace())
        .stdin(Stdio::null()))
}

/// Builds both functions for arm64, as a deployment does, and looks at what came out.
pub(crate) fn build(tools: &Environment) -> Outcome {
    add_target()?;
    let folder = workspace().join(CHECK_FOLDER);
    let artifacts = folder.join("build");
    if artifacts.exists() {
        // What an earlier build left would hide that this one made nothing.
        let what = Failure::while_doing("removing the functions of an earlier build");
        fs::remove_dir_all(&artifacts).map_err(what)?;
    }
    run(sam(tools)?
        .args(["build", "--build-dir"])
        .arg(&artifacts)
        .env("CARGO_TARGET_DIR", folder.join("cargo"))
        .envs(UNOPTIMISED))?;
    for function in FUNCTIONS {
        check_artifact(&artifacts.join(function).join("bootstrap"))?;
        println!("{function}: an executable for arm64, not optimised");
    }
    Ok(())
}

/// `sam` at the top of the workspace, where `samconfig.toml` lies. It needs no credentials, but a region.
fn sam(tools: &Environment) -> Outcome<Command> {
    let mut sam = Command::new(tools.program("sam"));
    // First, because cargo-lambda finds its cross-compiler, zig, by the Python that is first.
    let others = variable("PATH").unwrap_or_default();
    let path = std::iter::once(tools.programs()).chain(std::env::split_paths(&others));
    let path = std::env::join_paths(path)
        .map_err(|error| Failure::new(format!("the path of target/tools: {error}")))?;
    outside_of_cargo(&mut sam);
    sam.current_dir(workspace())
        .stdin(Stdio::null())
        .env("PATH", path)
        .env("SAM_CLI_TELEMETRY", "0")
        .env("AWS_DEFAULT_REGION", "us-east-1");
    Ok(sam)
}

/// The standard library for arm64.
fn add_target() -> Outcome {
    let installed = output_of(Command::new("rustup").args(["target", "list", "--installed"]));
    if installed.is_some_and(|targets| targets.lines().any(|target| target == TARGET)) {
        return Ok(());
    }
    retried(|| run(Command::new("rustup").args(["target", "add", TARGET])))
}

fn check_artifact(path: &Path) -> Outcome {
    let shown = path.strip_prefix(workspace()).unwrap_or(path).display();
    let bytes = fs::read(path).map_err(Failure::while_doing(format!("reading {shown}")))?;
    if is_arm64_program(&bytes) {
        return Ok(());
    }
    Err(Failure::new(format!("{shown} is no program for arm64")))
}

/// Whether it is an ELF file of 64 bits, little-endian, executable, for arm64. Position-independent executables
/// have the type of a shared object; unlike a library they name an interpreter or an entry.
fn is_arm64_program(bytes: &[u8]) -> bool {
    const EXECUTABLE: u16 = 2;
    const SHARED_OBJECT: u16 = 3;
    const AARCH64: u16 = 183;
    let half = |at: usize| Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let entry = bytes.get(24..32).is_some_and(|entry| entry != [0; 8]);
    bytes.starts_with(b"\x7fELF\x02\x01")
        && matches!(half(16), Some(EXECUTABLE | SHARED_OBJECT))
        && half(18) == Some(AARCH64)
        && entry
}

#[cfg(test)]
mod tests {
    use super::is_arm64_program;

    /// The first bytes of a program: its type, its machine, its entry.
    fn header(kind: u8, machine: u8, entry: u8) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64, 0);
        (bytes[16], bytes[18], bytes[24]) = (kind, machine, entry);
        bytes
    }

    #[test]
    fn programs_for_arm64_are_told_from_others() {
        assert!(is_arm64_program(&header(3, 183, 1)));
        assert!(is_arm64_program(&header(2, 183, 1)));
        assert!(!is_arm64_program(&header(3, 62, 1)), "x86-64");
        assert!(!is_arm64_program(&header(1, 183, 1)), "an object file");
        assert!(!is_arm64_program(&header(3, 183, 0)), "a library");
        assert!(!is_arm64_program(b"\x7fELF\x02\x01"), "cut off");
        assert!(!is_arm64_program(b"#!/bin/sh\n"), "a script");
    }
}
