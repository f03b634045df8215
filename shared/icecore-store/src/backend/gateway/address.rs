//! Where a gateway is.

use icecore_core::{Error, Result};
use std::fmt;
use url::{Host, Url};

/// The address of a gateway: `https://host/…`, or `http://` on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayAddress(Url);

impl GatewayAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// `Invalid` for anything but `https`, and `http` on this machine: a token must not cross a network in clear.
    pub fn parse(address: &Url) -> Result<Self> {
        let refuse = |message: &str| {
            Err(Error::invalid(message).with_hint(
                "write https://host or, for a gateway on this machine, http://127.0.0.1:8333",
            ))
        };
        if !address.username().is_empty() || address.password().is_some() {
            return refuse(
                "the gateway's address holds a user or a password; give a token instead",
            );
        }
        if address.query().is_some() || address.fragment().is_some() {
            return refuse("the gateway's address has a query or a fragment");
        }
        match address.scheme() {
            "https" => {}
            "http" if is_this_machine(address) => {}
            "http" => return refuse("a gateway on another machine must be reached by https"),
            _ => return refuse("this is no address of a gateway"),
        }
        let mut address = address.clone();
        let path = address.path().trim_end_matches('/');
        // The API's own prefix, as in its documents: it is added to each call.
        let path = path.strip_suffix("/v1").unwrap_or(path);
        let path = path.trim_end_matches('/').to_owned();
        address.set_path(&path);
        Ok(Self(address))
    }

    /// Whether it is reached without TLS.
    pub(in crate::backend) fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The address of one of its endpoints; `path` begins with a slash.
    pub(super) fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }
}

fn is_this_machine(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

impl fmt::Display for GatewayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        let table = [
            (
                "https://sync.example.org",
                Some("https://sync.example.org/v1/x"),
            ),
            (
                "https://sync.example.org/a/",
                Some("https://sync.example.org/a/v1/x"),
            ),
            (
                "https://sync.example.org/a/v1/",
                Some("https://sync.example.org/a/v1/x"),
            ),
            (
                "http://127.0.0.1:8333/v1",
                Some("http://127.0.0.1:8333/v1/x"),
            ),
            ("http://127.0.0.1:8333", Some("http://127.0.0.1:8333/v1/x")),
            ("http://localhost:8333/", Some("http://localhost:8333/v1/x")),
            ("http://[::1]:8333", Some("http://[::1]:8333/v1/x")),
            ("http://sync.example.org", None),
            ("http://127.0.0.1.example.org", None),
            ("http://10.0.0.1", None),
            ("https://user:pw@sync.example.org", None),
            ("https://sync.example.org?x=1", None),
            ("ftp://sync.example.org", None),
        ];
        for (text, endpoint) in table {
            let address = GatewayAddress::parse(&Url::parse(text).unwrap());
            let found = address.ok().map(|a| a.endpoint("/v1/x"));
            assert_eq!(found.as_deref(), endpoint, "{text}");
        }
    }
}
