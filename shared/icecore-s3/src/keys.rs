//! The access keys that the endpoint knows.

use async_trait::async_trait;
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};
use std::collections::BTreeMap;
use std::fmt;

/// Access keys with their secrets; it is never printed with them.
#[derive(Clone, Default)]
pub(crate) struct Keys(BTreeMap<String, SecretKey>);

impl Keys {
    pub(crate) fn insert(&mut self, access: String, secret: String) {
        self.0.insert(access, secret.into());
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        self.0
            .get(access_key)
            .cloned()
            .ok_or_else(|| s3_error!(InvalidAccessKeyId, "the access key is not known here"))
    }
}
