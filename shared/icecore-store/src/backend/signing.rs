//! Signs requests to S3 with the time that the server goes by, where the system's clock is far from it.
//!
//! S3 refuses what was signed more than 15 minutes before or after its own time. Its client signs by the system's clock,
//! and offers no other; so what it signed too far off is signed once more, here, on its way out.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use object_store::aws::{AwsCredential, AwsCredentialProvider};
use object_store::client::HttpRequest;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is signed further off than this is signed anew: well before a server refuses it.
const OFF_MAX_MS: u64 = 5 * 60 * 1000;
const CONTENT: &str = "x-amz-content-sha256";
/// What a signature brings itself.
const OWN_HEADERS: [&str; 4] = [
    "authorization",
    "x-amz-date",
    CONTENT,
    "x-amz-security-token",
];

/// The credentials of a client, known once it is built.
#[derive(Debug, Clone, Default)]
pub(super) struct Resigner {
    credentials: Arc<OnceLock<AwsCredentialProvider>>,
}

/// Whether a signature of one time is too far from another one.
pub(super) fn is_off(a_ms: i64, b_ms: i64) -> bool {
    a_ms.abs_diff(b_ms) > OFF_MAX_MS
}

/// The time by which the client signs.
#[expect(
    clippy::disallowed_methods,
    reason = "the client has no other clock: what it signed by is compared with the injected one"
)]
pub(super) fn system_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.ok()
        .and_then(|now| i64::try_from(now.as_millis()).ok())
        .unwrap_or(0)
}

impl Resigner {
    /// The client is built, and signs with these.
    pub(super) fn set(&self, credentials: &AwsCredentialProvider) {
        drop(self.credentials.set(Arc::clone(credentials)));
    }

    /// Whether a request can be signed: S3's client has signed it, and its credentials are at hand.
    pub(super) fn can_sign(&self, request: &HttpRequest) -> bool {
        self.credentials.get().is_some() && scope(request).is_some()
    }

    /// Signs a request anew, at this time. One that cannot be goes out as it is: the server says what is wrong with it.
    pub(super) async fn sign(&self, request: &mut HttpRequest, now_ms: i64) {
        let Some(provider) = self.credentials.get() else {
            return;
        };
        let signed = match provider.get_credential().await {
            Ok(credential) => signature(request, &credential, now_ms),
            Err(error) => Err(error.to_string()),
        };
        match signed {
            Ok(headers) => {
                for (name, value) in headers {
                    request.headers_mut().insert(name, value);
                }
            }
            Err(error) => {
                tracing::warn!(error, "a request cannot be signed with the server's time");
            }
        }
    }
}

/// What a signature says of itself.
struct Scope {
    region: String,
    service: String,
    /// The headers that it signs.
    headers: Vec<String>,
}

fn scope(request: &HttpRequest) -> Option<Scope> {
    let text = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let text = text.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let part = |name: &str| text.split(", ").find_map(|part| part.strip_prefix(name));
    let mut credential = part("Credential=")?.rsplit('/');
    let (_, service, region) = (credential.next()?, credential.next()?, credential.next()?);
    Some(Scope {
        region: region.to_owned(),
        service: service.to_owned(),
        headers: part("SignedHeaders=")?
            .split(';')
            .map(str::to_owned)
            .collect(),
    })
}

/// The headers of a new signature.
fn signature(
    request: &HttpRequest,
    credential: &AwsCredential,
    now_ms: i64,
) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let scope = scope(request).ok_or("it has no signature")?;
    let content = request.headers().get(CONTENT);
    let content = content.and_then(|hash| hash.to_str().ok());
    let content = content.ok_or("its body was not signed")?.to_owned();
    let credentials = Credentials::new(
        &credential.key_id,
        &credential.secret_key,
        credential.token.clone(),
        None,
        "icecore",
    );
    let identity = Identity::from(credentials);
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let now = Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&scope.region)
        .name(&scope.service)
        .time(UNIX_EPOCH + now)
        .settings(settings)
        .build()
        .map_err(|e| e.to_string())?;
    let headers = request.headers().iter().filter_map(|(name, value)| {
        let name = name.as_str();
        let is_signed = scope.headers.iter().any(|signed| signed == name);
        (is_signed && !OWN_HEADERS.contains(&name)).then_some((name, value.to_str().ok()?))
    });
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers,
        SignableBody::Precomputed(content),
    );
    let signed = sign(signable.map_err(|e| e.to_string())?, &params.into());
    let (instructions, _) = signed.map_err(|e| e.to_string())?.into_parts();
    let (added, _) = instructions.into_parts();
    added
        .into_iter()
        .map(|header| {
            let name = HeaderName::from_bytes(header.name().as_bytes());
            let value = HeaderValue::from_str(header.value());
            Ok((
                name.map_err(|e| e.to_string())?,
                value.map_err(|e| e.to_string())?,
            ))
        })
        .collect()
}
