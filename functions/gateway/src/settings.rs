//! The settings of tokens and limits, from where they are kept.

use crate::config::{Config, SettingsPlace};
use icecore_core::{Error, Result};
use icecore_function::Api;
use icecore_gateway::Settings;
use icecore_store::Clock;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Call<'a> {
    name: &'a str,
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: String,
}

/// Reads the settings.
///
/// # Errors
/// What SSM says, naming the parameter; `Invalid` when they are wrong, or no token would be accepted.
pub async fn read(config: &Config, clock: Arc<dyn Clock>) -> Result<Settings> {
    let (json, place) = match &config.settings {
        SettingsPlace::Here(json) => (json.clone(), "ICECORE_SETTINGS".to_owned()),
        SettingsPlace::Parameter(name, endpoint) => {
            let api = Api::new(endpoint.clone(), "1.1", clock)?;
            let json = parameter(&api, name).await;
            (json.map_err(|e| e.with_object(name))?, name.clone())
        }
    };
    let settings = Settings::from_json(json.as_bytes())
        .and_then(|settings| settings.check().map(|()| settings));
    settings.map_err(|e| e.with_object(place))
}

async fn parameter(api: &Api, name: &str) -> Result<String> {
    let call = Call {
        name,
        with_decryption: true,
    };
    let answer = api.call("AmazonSSM.GetParameter", &call).await?;
    // What the parser says is not passed on: it could show a secret.
    let answer: Answer = serde_json::from_slice(&answer)
        .map_err(|_| Error::unavailable("the answer of SSM does not parse"))?;
    Ok(answer.parameter.value)
}
