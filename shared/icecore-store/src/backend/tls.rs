//! HTTP clients for everything that speaks to a server, with one library for TLS and signatures.

use object_store::client::{HttpClient, HttpConnector, ReqwestConnector};
use object_store::{ClientOptions, Result};

/// Makes HTTP clients as `object_store` does by default, but for the library behind TLS: `ring`, of which far less is
/// compiled than of what `object_store` takes by itself.
///
/// A program that has chosen its library of cryptography for `rustls` keeps it.
///
/// ```
/// use icecore_store::backend::Connector;
/// use object_store::client::HttpConnector as _;
///
/// let client = Connector.connect(&object_store::ClientOptions::new())?;
/// # drop(client);
/// # Ok::<(), object_store::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        // Refused where the program has chosen one already: then that one is used.
        drop(rustls::crypto::ring::default_provider().install_default());
        ReqwestConnector::default().connect(options)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

    use super::*;
    use object_store::client::HttpRequestBody;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    /// Without a library of cryptography the client would panic before it says anything.
    #[tokio::test]
    async fn https_begins_with_a_handshake() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let client = Connector.connect(&ClientOptions::new()).unwrap();
        let asks = async {
            let request = http::Request::get(format!("https://{address}/"))
                .body(HttpRequestBody::empty())
                .unwrap();
            client.execute(request).await.map(drop).unwrap_err()
        };
        let hears = async {
            let (mut connection, _) = server.accept().await.unwrap();
            let mut hello = [0; 6];
            connection.read_exact(&mut hello).await.unwrap();
            hello
        };
        let (_refused, hello) = futures::future::join(asks, hears).await;
        let [record, major, _, _, _, message] = hello;
        assert_eq!((record, major, message), (22, 3, 1), "a ClientHello");
    }
}
