//! Services that functions call.

use super::{Answered, Asked, serve, with_body};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// An SQS endpoint that takes what is signed.
#[derive(Debug, Clone, Default)]
pub struct Sqs {
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Calls that are to be answered with 503 first.
    refuse: Arc<Mutex<u32>>,
}

impl Sqs {
    /// Starts it; returns it and its endpoint.
    pub async fn start() -> (Self, String) {
        let sqs = Self::default();
        let serving = sqs.clone();
        let address = serve(move |asked| {
            let answer = serving.answer(asked);
            async move { answer }
        })
        .await;
        (sqs, format!("http://{address}"))
    }

    /// The next call is answered with 503.
    pub fn refuse_next(&self) {
        *self.refuse.lock().expect("it works in a test") += 1;
    }

    /// What was asked of it since the last look.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().expect("it works in a test"))
    }

    fn answer(&self, asked: Asked) -> Answered {
        let mut refuse = self.refuse.lock().expect("it works in a test");
        if *refuse > 0 {
            *refuse -= 1;
            return with_body(503, r#"{"__type":"com.amazonaws.sqs#ServiceUnavailable"}"#);
        }
        let entries = asked.json()["Entries"]
            .as_array()
            .expect("it works in a test")
            .clone();
        let successful: Vec<Value> = entries.iter().map(|e| json!({ "Id": e["Id"] })).collect();
        self.asked.lock().expect("it works in a test").push(asked);
        with_body(
            200,
            json!({ "Successful": successful, "Failed": [] }).to_string(),
        )
    }
}

/// A parameter store that gives what it has to whoever signs.
#[derive(Debug, Clone, Default)]
pub struct Ssm {
    parameters: Arc<BTreeMap<String, String>>,
}

impl Ssm {
    /// Starts one with these parameters; returns its endpoint.
    pub async fn start(parameters: BTreeMap<String, String>) -> String {
        let ssm = Self {
            parameters: Arc::new(parameters),
        };
        let address = serve(move |asked| {
            let answer = ssm.answer(&asked);
            async move { answer }
        })
        .await;
        format!("http://{address}")
    }

    fn answer(&self, asked: &Asked) -> Answered {
        let is_signed = asked.headers.get("authorization").is_some_and(|header| {
            header
                .to_str()
                .is_ok_and(|text| text.starts_with("AWS4-HMAC-SHA256 ") && text.contains("/ssm/"))
        });
        let call = asked.json();
        let name = call["Name"].as_str().unwrap_or_default();
        match self.parameters.get(name) {
            _ if !is_signed || call["WithDecryption"] != true => {
                with_body(400, r#"{"__type":"AccessDeniedException"}"#)
            }
            Some(value) => {
                let answer = json!({ "Parameter": { "Name": name, "Value": value } });
                with_body(200, answer.to_string())
            }
            None => with_body(400, r#"{"__type":"ParameterNotFound"}"#),
        }
    }
}
