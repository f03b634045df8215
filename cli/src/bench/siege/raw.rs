//! HTTP as an attacker speaks it: one request on a connection, by hand.

use super::super::served::Served;
use icecore_core::{Error, Result};
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Where the server listens.
#[derive(Debug, Clone)]
pub(super) struct Server {
    address: String,
}

impl Server {
    pub(super) fn of(served: &Served) -> Self {
        let address = served.url.trim_start_matches("http://").to_owned();
        Self { address }
    }

    /// A connection from the `n`-th address of this machine.
    pub(super) async fn connect_from(&self, n: u8) -> io::Result<TcpStream> {
        let to: SocketAddr = self.address.parse().map_err(io::Error::other)?;
        let socket = TcpSocket::new_v4()?;
        // Only Linux has all of 127.0.0.0/8: elsewhere they come from one address.
        if cfg!(target_os = "linux") {
            socket.bind(SocketAddr::from(([127, 0, 0, n], 0)))?;
        }
        socket.connect(to).await
    }

    /// One request; the status and the body of the answer.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &str,
    ) -> Result<(u16, Value)> {
        let asked = async {
            let mut stream = self.connect_from(1).await?;
            let length = body.len();
            let access = match token {
                "" => String::new(),
                token => format!("authorization: Bearer {token}\r\n"),
            };
            let host = &self.address;
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{access}content-length: {length}\r\n\r\n{body}"
            );
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, io::Error>(answer)
        };
        let answer = asked
            .await
            .map_err(|e| Error::unavailable("the server did not answer").with_source(e))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| Error::unavailable("the answer has no status"))?;
        Ok((status, serde_json::from_str(body).unwrap_or_default()))
    }

    /// The head of a presigned request that announces so many bytes.
    pub(super) fn head(&self, signed: &Value, length: usize) -> Option<String> {
        let url = signed["url"].as_str()?;
        let path = url.split_once(&self.address)?.1;
        let mut head = format!("PUT {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in signed["headers"].as_object()? {
            if name != "content-length" && name != "host" {
                head.extend([name, ": ", value.as_str()?, "\r\n"]);
            }
        }
        Some(head + &format!("content-length: {length}\r\n\r\n"))
    }
}
