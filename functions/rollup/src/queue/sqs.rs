//! Amazon SQS.

use super::Queue;
use crate::config::SqsSettings;
use async_trait::async_trait;
use icecore_core::{Error, Result};
use icecore_function::Api;
use icecore_store::Clock;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most messages in one call, by SQS.
const MESSAGES_PER_CALL: usize = 10;
const TARGET: &str = "AmazonSQS.SendMessageBatch";

/// A queue of Amazon SQS, or of a server that speaks its protocol.
#[derive(Debug)]
pub struct SqsQueue {
    api: Api,
    queue_url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Call<'a> {
    queue_url: &'a str,
    entries: Vec<Message<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message<'a> {
    id: String,
    message_body: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    failed: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    code: String,
}

impl SqsQueue {
    /// A queue. No request is made.
    ///
    /// # Errors
    /// `Internal` when no HTTP client can be made.
    pub fn new(settings: &SqsSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self {
            api: Api::new(settings.endpoint.clone(), "1.0", clock)?,
            queue_url: settings.queue_url.clone(),
        })
    }

    async fn send_batch(&self, bodies: &[String]) -> Result<()> {
        let entries = bodies.iter().enumerate();
        let call = Call {
            queue_url: &self.queue_url,
            entries: entries
                .map(|(n, body)| Message {
                    id: n.to_string(),
                    message_body: body,
                })
                .collect(),
        };
        let answer = self.api.call(TARGET, &call).await?;
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|e| Error::unavailable("the queue's answer does not parse").with_source(e))?;
        match answer.failed.first() {
            None => Ok(()),
            Some(refused) => Err(Error::unavailable(format!(
                "the queue did not take {} messages: {}",
                answer.failed.len(),
                refused.code
            ))),
        }
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, bodies: Vec<String>) -> Result<()> {
        for batch in bodies.chunks(MESSAGES_PER_CALL) {
            self.send_batch(batch)
                .await
                .map_err(|e| e.with_object(&self.queue_url))?;
        }
        Ok(())
    }
}
