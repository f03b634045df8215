//! What the tests need and cargo does not bring: installed into `target/tools/`, once.

use std::path::PathBuf;
use std::thread;

use crate::azurite;
use crate::localstack;
use crate::node::Node;
use crate::run::Outcome;
use crate::steps::Verdict;
use crate::venv::{Environment, Wanted};
use crate::web;

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
    /// For the browser client.
    pub(crate) web: web::Installed,
}

impl Verdict for Tools {}

impl Tools {
    /// Installs at once, for it is mostly waiting for the network.
    pub(crate) fn install() -> Outcome<Self> {
        thread::scope(|scope| {
            let infra = scope.spawn(|| INFRA.install());
            let node = scope.spawn(|| {
                let node = Node::install()?;
                Ok((azurite::install(&node)?, web::install(&node)?))
            });
            let schemathesis = scope.spawn(|| SCHEMATHESIS.install());
            let localstack = localstack::install()?;
            let (azurite, web) = node.join().expect("BUG: it returns failures")?;
            Ok(Self {
                localstack,
                azurite,
                web,
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
