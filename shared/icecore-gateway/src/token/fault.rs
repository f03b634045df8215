//! What can be wrong with a token, and where it stands in a request.

use icecore_core::Error;
use std::fmt;

/// How much of an unverified token's text a message shows.
const SHOWN_CHARS_MAX: usize = 80;

/// Why a token does not count. Each but [`TokenFault::IssuerUnavailable`] means: the request comes from
/// nobody known (HTTP 401). What a valid token does not allow is not a fault of the token but an
/// [`Error`] of [`Access::check`](super::Access::check) (HTTP 403).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// The request has none.
    #[error("the request has no token")]
    Missing,
    /// It is longer than any token that is made here.
    #[error("the token is longer than {} bytes", super::TOKEN_BYTES_MAX)]
    TooLong,
    /// It is no JWT, or lacks a claim, or has one of the wrong form.
    #[error("the token cannot be read: {problem}")]
    Malformed {
        /// What is wrong.
        problem: String,
    },
    /// It says to be signed in a way that no key here is for.
    #[error("the token is signed with {algorithm}, and there is no key for that")]
    WrongAlgorithm {
        /// What it says.
        algorithm: Shown,
    },
    /// It names a key that is not known, or not any more.
    #[error("the token is signed with the key {kid}, which is not known")]
    UnknownKey {
        /// The key's id.
        kid: Shown,
    },
    /// It names an issuer that the settings do not, and no key of the gateway's own has signed it.
    #[error("the token comes from {issuer}, which is not an issuer that counts here")]
    UnknownIssuer {
        /// The issuer.
        issuer: Shown,
    },
    /// It was changed, or signed by somebody else.
    #[error("the signature of the token is wrong")]
    BadSignature,
    /// It was made for another service.
    #[error("the token is not made for {audience}")]
    WrongAudience {
        /// What it should be made for.
        audience: String,
    },
    /// Its time is over.
    #[error("the token expired {}", ago(*.ago_ms))]
    Expired {
        /// For so many milliseconds.
        ago_ms: i64,
    },
    /// Its time has not come.
    #[error("the token is not valid yet: its time begins in {}", about(*.in_ms))]
    NotYetValid {
        /// For so many milliseconds.
        in_ms: i64,
    },
    /// The keys of its issuer cannot be had: maybe later (HTTP 503).
    #[error("the keys of the issuer {issuer} cannot be fetched")]
    IssuerUnavailable {
        /// The issuer.
        issuer: String,
        /// What failed.
        cause: String,
    },
}

impl TokenFault {
    /// Whether the caller can do something about it with another token: HTTP 401. Else the same token may
    /// be good a little later: HTTP 503.
    pub fn needs_other_token(&self) -> bool {
        !matches!(self, Self::IssuerUnavailable { .. })
    }

    /// What the header `WWW-Authenticate` of a 401 says (RFC 6750).
    pub fn challenge(&self) -> &'static str {
        match self {
            Self::Missing => "Bearer",
            _ => r#"Bearer error="invalid_token""#,
        }
    }

    /// What a person can do next.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Missing => {
                "send the header `Authorization: Bearer TOKEN`; while developing, `icecore token` makes one"
            }
            Self::TooLong | Self::Malformed { .. } => {
                "send the whole token and nothing else; `icecore token` makes one to compare with"
            }
            Self::WrongAlgorithm { .. } => {
                "sign with HS256 or EdDSA and a key of the gateway's settings, or use a token of an issuer \
                 that they name"
            }
            Self::UnknownKey { .. } => {
                "get a new token; if that does not help, the gateway's settings lack the key"
            }
            Self::UnknownIssuer { .. } => {
                "the gateway's settings must name the issuer exactly as the token's `iss` does"
            }
            Self::BadSignature => {
                "get a new token from whoever holds the gateway's present key; the old one may have been replaced"
            }
            Self::WrongAudience { .. } => "get a token whose `aud` names this gateway",
            Self::Expired { .. } => "get a new token",
            Self::NotYetValid { .. } => {
                "wait, or check the clock of the machine that made the token"
            }
            Self::IssuerUnavailable { .. } => {
                "try again in a few seconds; if that does not help, check the issuer's URL in the settings"
            }
        };
        hint.to_owned()
    }

    pub(super) fn malformed(problem: impl fmt::Display) -> Self {
        Self::Malformed {
            problem: shortened(&problem.to_string()),
        }
    }
}

impl From<TokenFault> for Error {
    fn from(fault: TokenFault) -> Self {
        let error = match &fault {
            TokenFault::IssuerUnavailable { cause, .. } => {
                Self::unavailable(fault.to_string()).with_source(cause.clone())
            }
            _ => Self::denied(fault.to_string()),
        };
        error.with_hint(fault.hint())
    }
}

/// A text of an unverified token: shortened, and without control characters, so that it can stand in a
/// message or a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(String);

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Self(shortened(text))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

fn shortened(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

fn ago(millis: i64) -> String {
    format!("{} ago", about(millis))
}

/// A length of time in its greatest unit.
fn about(millis: i64) -> String {
    const UNITS: [(i64, &str); 4] = [
        (86_400_000, "day"),
        (3_600_000, "hour"),
        (60_000, "minute"),
        (1000, "second"),
    ];
    for (length, unit) in UNITS {
        match millis / length {
            n if n <= 0 => {}
            1 => return format!("1 {unit}"),
            n => return format!("{n} {unit}s"),
        }
    }
    "less than a second".to_owned()
}

/// The token in the header `Authorization` of a request.
///
/// # Errors
/// [`TokenFault::Missing`] without the header, or when it is of another scheme than `Bearer`.
pub fn bearer_token(authorization: Option<&str>) -> Result<&str, TokenFault> {
    let (scheme, token) = authorization
        .and_then(|value| value.trim().split_once(' '))
        .ok_or(TokenFault::Missing)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim_start())
    } else {
        Err(TokenFault::Missing)
    }
}
