//! A presigner as the `AWS_` variables describe it.

use super::{BucketAddress, Endpoint, Keys, Presigner};
use icecore_core::{Error, Result};
use url::Url;

impl Presigner {
    /// For the bucket at `s3://bucket/prefix`, with the region, the endpoint and the credentials that `variable` knows:
    /// `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
    ///
    /// # Errors
    /// `Invalid` for another address, `Denied` without credentials.
    pub fn for_bucket<'a>(url: &str, variable: impl Fn(&str) -> Option<&'a str>) -> Result<Self> {
        let address = address(url, &variable)?;
        let access = variable("AWS_ACCESS_KEY_ID");
        let secret = variable("AWS_SECRET_ACCESS_KEY");
        let (Some(access), Some(secret)) = (access, secret) else {
            return Err(Error::denied("there are no credentials to sign with")
                .with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
        };
        let keys = Keys::new(access, secret, variable("AWS_SESSION_TOKEN"));
        Ok(Self::new(address, keys))
    }
}

fn address<'a>(url: &str, variable: &impl Fn(&str) -> Option<&'a str>) -> Result<BucketAddress> {
    let wrong = || {
        Error::invalid(format!("{url:?} is no bucket")).with_hint("write it as s3://bucket/prefix")
    };
    let parsed = Url::parse(url).map_err(|e| wrong().with_source(e))?;
    if parsed.scheme() != "s3" {
        return Err(wrong());
    }
    let server = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
    let endpoint = match server {
        Some(server) => Endpoint::Server(
            Url::parse(server)
                .map_err(|e| Error::invalid("AWS_ENDPOINT_URL is no URL").with_source(e))?,
        ),
        None => Endpoint::Aws,
    };
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    Ok(BucketAddress {
        bucket: parsed.host_str().ok_or_else(wrong)?.to_owned(),
        region: region.unwrap_or("us-east-1").to_owned(),
        prefix: parsed.path().trim_matches('/').to_owned(),
        endpoint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presign::Unsigned;
    use icecore_core::wire::Method;
    use std::collections::BTreeMap;
    use std::time::Duration;

    type Variables = &'static [(&'static str, &'static str)];

    fn signed(url: &str, more: Variables) -> Result<String> {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "me"),
            ("AWS_SECRET_ACCESS_KEY", "hush"),
        ];
        let variables: BTreeMap<&str, &'static str> =
            keys.into_iter().chain(more.iter().copied()).collect();
        let presigner = Presigner::for_bucket(url, |name| variables.get(name).copied())?;
        let request = Unsigned::new(Method::Get, "store.json", Duration::from_secs(30));
        Ok(presigner
            .sign(&request, "http://localhost", 1_763_640_000_000)?
            .url)
    }

    #[test]
    fn buckets_have_the_addresses_that_aws_gives_them() {
        let table: [(&str, Variables, &str); 4] = [
            (
                "s3://notes/a/prefix",
                &[("AWS_REGION", "eu-west-1")],
                "https://notes.s3.eu-west-1.amazonaws.com/a/prefix/store.json?",
            ),
            (
                "s3://notes.example.org",
                &[],
                "https://s3.us-east-1.amazonaws.com/notes.example.org/store.json?",
            ),
            (
                "s3://notes",
                &[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")],
                "http://127.0.0.1:4566/notes/store.json?",
            ),
            (
                "s3://notes/",
                &[("AWS_SESSION_TOKEN", "t/+=")],
                "https://notes.s3.us-east-1.amazonaws.com/store.json?",
            ),
        ];
        for (url, variables, expected) in table {
            let found = signed(url, variables).unwrap();
            assert!(found.starts_with(expected), "{found}");
            assert!(
                found.contains("X-Amz-Expires=30") && found.contains("20251120T120000Z"),
                "{found}"
            );
            assert_eq!(
                found.contains("X-Amz-Security-Token=t%2F%2B%3D"),
                variables.len() == 1 && variables[0].0.contains("TOKEN")
            );
            assert!(!found.contains("hush"));
        }
        for wrong in ["", "notes", "https://notes", "s3://"] {
            assert!(signed(wrong, &[]).is_err(), "{wrong}");
        }
    }
}
