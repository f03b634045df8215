//! Queues and parameters.

use crate::support::http::{Http, Presigned};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The region of everything.
pub(super) const REGION: &str = "us-east-1";

/// The services of AWS beside S3, on the server of the tests.
#[derive(Debug)]
pub(super) struct Services {
    http: Http,
    endpoint: String,
}

impl Services {
    pub(super) fn new(endpoint: &str) -> Self {
        Self {
            http: Http::new(),
            endpoint: endpoint.to_owned(),
        }
    }

    /// Makes a secret parameter.
    pub(super) fn parameter(&self, name: &str, value: &str) {
        let parameter = json!({ "Name": name, "Type": "SecureString", "Value": value });
        self.call("ssm", "AmazonSSM.PutParameter", &parameter);
    }

    /// Makes a queue; its URL.
    pub(super) fn queue(&self, name: &str) -> String {
        let queue = self.call(
            "sqs",
            "AmazonSQS.CreateQueue",
            &json!({ "QueueName": name }),
        );
        queue["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// The messages of a queue, at most ten.
    pub(super) fn receive(&self, queue: &str) -> Vec<Value> {
        let wish = json!({
            "QueueUrl": queue,
            "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": 5,
            "AttributeNames": ["All"],
        });
        let received = self.call("sqs", "AmazonSQS.ReceiveMessage", &wish);
        received["Messages"].as_array().cloned().unwrap_or_default()
    }

    /// Takes messages off a queue.
    pub(super) fn delete(&self, queue: &str, messages: &[Value]) {
        for message in messages {
            let done = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
            self.call("sqs", "AmazonSQS.DeleteMessage", &done);
        }
    }

    /// How many messages a queue holds, with those that somebody is at.
    pub(super) fn waiting(&self, queue: &str) -> u32 {
        let names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ];
        let wish = json!({ "QueueUrl": queue, "AttributeNames": names });
        let answer = self.call("sqs", "AmazonSQS.GetQueueAttributes", &wish);
        let number = |name: &&str| -> u32 {
            let text = answer["Attributes"][name].as_str();
            text.and_then(|text| text.parse().ok())
                .unwrap_or_else(|| panic!("no {name} in {answer}"))
        };
        names.iter().map(number).sum()
    }

    /// The server takes any signature for these services; from it it knows the service, though.
    fn call(&self, service: &str, target: &str, body: &Value) -> Value {
        let version = if service == "sqs" { "1.0" } else { "1.1" };
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, \
             SignedHeaders=host, Signature=00"
        );
        let headers = [
            ("authorization", signature),
            ("content-type", format!("application/x-amz-json-{version}")),
            ("x-amz-target", target.to_owned()),
        ];
        let request = Presigned {
            method: "POST".to_owned(),
            url: format!("{}/", self.endpoint),
            headers: BTreeMap::from(headers.map(|(name, value)| (name.to_owned(), value))),
        };
        let answer = self.http.send(&request, &body.to_string());
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        if answer.body.is_empty() {
            return Value::Null;
        }
        answer.json()
    }
}

/// The event in which Lambda hands these messages to a function.
pub(super) fn event_of(messages: &[Value]) -> Value {
    let record = |message: &Value| {
        json!({
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:{REGION}:000000000000:spaces"),
            "awsRegion": REGION,
        })
    };
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
}
