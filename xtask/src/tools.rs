//! What the tests need and cargo does not bring: installed into `target/tools/`, once.

use std::path::PathBuf;
use std::thread;

use crate::azurite;
use crate::localstack;
use crate::run::Outcome;
use crate::venv::{Environment, Wanted};

/// SAM, cfn-lint, and cargo-lambda with a cross-compiler.
const INFRA: Wanted = Wanted {
    name: "infra",
    requirements: "infra/requirements.txt",
    probe: "import cfnlint, samcli, ziglang",
};

/// What makes up requests from the gateway's `OpenAPI` document.
const SCHEMATHESIS: Wanted = Wanted {
    name: "schemathesis",
    requirements: "xtask/schemathesis/requirements.txt",
    probe: "import schemathesis",
};

/// Everything, ready to be used.
#[derive(Debug)]
pub(crate) struct Tools {
    /// The services of AWS that the tests run against.
    pub(crate) localstack: Environment,
    /// What speaks Azure's protocol.
    pub(crate) azurite: azurite::Installed,
    /// For `infra/` and the functions.
    pub(crate) infra: Environment,
    schemathesis: Environment,
}

impl Tools {
    /// Installs at once, for it is mostly waiting for the network.
    pub(crate) fn install() -> Outcome<Self> {
        thread::scope(|scope| {
            let infra = scope.spawn(|| INFRA.install());
            let azurite = scope.spawn(azurite::install);
            let schemathesis = scope.spawn(|| SCHEMATHESIS.install());
            Ok(Self {
                localstack: localstack::install()?,
                azurite: azurite.join().expect("BUG: it returns failures")?,
                infra: infra.join().expect("BUG: it returns failures")?,
                schemathesis: schemathesis.join().expect("BUG: it returns failures")?,
            })
        })
    }

    /// The variables by which the tests find the programs.
    pub(crate) fn variables(&self) -> [(&'static str, PathBuf); 2] {
        [
            (
                "ICECORE_TEST_CARGO_LAMBDA",
                self.infra.program("cargo-lambda"),
            ),
            (
                "ICECORE_TEST_SCHEMATHESIS",
                self.schemathesis.program("schemathesis"),
            ),
        ]
    }
}
