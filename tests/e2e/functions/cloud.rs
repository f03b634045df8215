//! A deployment on one machine: what `infra/template.yaml` describes, without AWS.

use super::emulator::{Function, top};
use super::services::Services;
use crate::support::command::{Place, Replica};
use crate::support::{localstack, s3, tools};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const SECRET: &str = "a secret of the tests, long enough to be one";
const GATEWAY: &str = "icecore-gateway-function";
const ROLLUP: &str = "icecore-rollup-function";

/// A bucket with a store, a queue, and the settings of the gateway, all of this test alone.
#[derive(Debug)]
pub(super) struct Cloud {
    pub(super) services: Services,
    /// The URL of the queue.
    pub(super) queue: String,
    /// The store, for those who hold credentials of the bucket.
    bucket: Place,
    parameter: String,
    cargo_lambda: PathBuf,
}

impl Cloud {
    /// `None` when there are no tools and the test is to be skipped.
    pub(super) fn new() -> Option<Self> {
        let endpoint = localstack::s3_endpoint()?;
        let cargo_lambda = PathBuf::from(tools::named_by("ICECORE_TEST_CARGO_LAMBDA")?);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let bucket = runtime.block_on(s3::bucket_on(&endpoint));
        let name = bucket.url().split('/').nth(2).expect("a bucket").to_owned();
        let services = Services::new(&endpoint);
        let parameter = format!("/{name}/token-settings");
        let settings = json!({ "tokens": { "hs256_secrets": [SECRET] } });
        services.parameter(&parameter, &settings.to_string());
        let queue = services.queue(&name);
        let cloud = Self {
            services,
            queue,
            bucket,
            parameter,
            cargo_lambda,
        };
        cloud.owner().ok(&["init"]);
        Some(cloud)
    }

    /// Somebody with credentials of the bucket.
    pub(super) fn owner(&self) -> Replica {
        self.bucket.replica("owner")
    }

    /// The gateway function.
    pub(super) fn gateway(&self) -> Function {
        self.function(
            GATEWAY,
            &[("ICECORE_SETTINGS_PARAMETER", self.parameter.as_str())],
        )
    }

    /// The roll-up function, with more variables.
    pub(super) fn rollup(&self, more: &[(&str, &str)]) -> Function {
        let queue = [("ICECORE_QUEUE_URL", self.queue.as_str())];
        self.function(ROLLUP, &[&queue, more].concat())
    }

    /// The store behind the gateway, for replicas with a token for everything.
    pub(super) fn behind(&self, gateway: &Function) -> Place {
        let minting = self.owner().with("ICECORE_TOKEN_SECRET", SECRET);
        let token = minting.ok(&["token", "--space", "*", "--right", "admin"]);
        let environment = vec![("ICECORE_TOKEN".to_owned(), token.trim().to_owned())];
        Place::at(gateway.url(), environment)
    }

    fn function(&self, name: &'static str, more: &[(&str, &str)]) -> Function {
        let mut environment = self.bucket.environment().to_vec();
        let store = [("ICECORE_STORE", self.bucket.url())];
        for (name, value) in store.iter().chain(more) {
            environment.push(((*name).to_owned(), (*value).to_owned()));
        }
        Function::start(&self.cargo_lambda, name, &environment)
    }
}

/// What the template's schedule sends to the roll-up function.
pub(super) fn input_of_the_schedule() -> Value {
    let template = fs::read_to_string(top().join("infra/template.yaml")).expect("the template");
    let input = template.split("Input: '").nth(1);
    let input = input.and_then(|rest| rest.split('\'').next());
    serde_json::from_str(input.expect("the schedule has an input")).expect("it is JSON")
}
