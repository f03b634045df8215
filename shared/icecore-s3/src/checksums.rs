//! The checksums of a body: compared before anything is written, and given back.

mod of_parts;

pub(crate) use of_parts::{Algorithm, Announced, Claimed, Named, verify_parts};

use http::{HeaderMap, StatusCode};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::Checksum;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

const CRC32: &str = "x-amz-checksum-crc32";
const CRC32C: &str = "x-amz-checksum-crc32c";
const CRC64NVME: &str = "x-amz-checksum-crc64nvme";
const SHA1: &str = "x-amz-checksum-sha1";
const SHA256: &str = "x-amz-checksum-sha256";
const MD5: &str = "content-md5";

/// Names the checksums that follow a body.
const TRAILER: &str = "x-amz-trailer";

/// What the sender says the checksums of the body are; of each kind at most one.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    of_object: Checksum,
    md5: Option<String>,
}

impl Claims {
    /// Those of the headers, and those that followed the body. One that is empty or was announced and is missing
    /// must not count as none.
    pub(crate) fn new(headers: &HeaderMap, trailers: Option<&HeaderMap>) -> S3Result<Self> {
        let none = HeaderMap::new();
        let trailers = trailers.unwrap_or(&none);
        check_announced(headers, trailers)?;
        let claim = |name: &str| -> S3Result<Option<String>> {
            let Some(value) = headers.get(name).or_else(|| trailers.get(name)) else {
                return Ok(None);
            };
            let text = value.to_str().ok().filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| s3_error!(InvalidDigest, "a checksum is not valid"))?;
            Ok(Some(text.to_owned()))
        };
        let claims = Self {
            of_object: Checksum {
                checksum_crc32: claim(CRC32)?,
                checksum_crc32c: claim(CRC32C)?,
                checksum_crc64nvme: claim(CRC64NVME)?,
                checksum_sha1: claim(SHA1)?,
                checksum_sha256: claim(SHA256)?,
                ..Checksum::default()
            },
            md5: claim(MD5)?,
        };
        let is_md5 = |text: &String| text.len() == 24 && text.ends_with("==");
        if !claims.md5.as_ref().is_none_or(is_md5) {
            return Err(s3_error!(InvalidDigest, "Content-MD5 is none"));
        }
        if claims.count() > 1 {
            return Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed."
            ));
        }
        Ok(claims)
    }

    fn count(&self) -> usize {
        let claimed = kinds(&self.of_object).into_iter();
        claimed.filter(|(_, value)| value.is_some()).count()
    }

    /// The claims, once they are found to be true.
    pub(crate) fn verify(self, body: &[u8]) -> S3Result<Checksum> {
        let claimed = compared(self.of_object, [body])?;
        if let Some(md5) = self.md5
            && base64(Md5::checksum(body).as_ref()) != md5
        {
            return Err(s3_error!(BadDigest, "Content-MD5 does not match the body"));
        }
        Ok(claimed)
    }
}

/// The checksums, once they are found to be those of these bytes.
fn compared<'a>(
    claimed: Checksum,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> S3Result<Checksum> {
    let mut hasher = ChecksumHasher {
        crc32: claimed.checksum_crc32.is_some().then(Crc32::new),
        crc32c: claimed.checksum_crc32c.is_some().then(Crc32c::new),
        sha1: claimed.checksum_sha1.is_some().then(Sha1::new),
        sha256: claimed.checksum_sha256.is_some().then(Sha256::new),
        crc64nvme: claimed.checksum_crc64nvme.is_some().then(Crc64Nvme::new),
    };
    for part in parts {
        hasher.update(part);
    }
    if hasher.finalize() != claimed {
        return Err(s3_error!(BadDigest, "a checksum does not match the body"));
    }
    Ok(claimed)
}

/// A checksum as it is stored with its object: `CRC32C yZRlqg==`. Nothing where there is none.
pub(crate) fn to_text(checksum: &Checksum) -> Option<String> {
    let (name, value) = kinds(checksum)
        .into_iter()
        .find_map(|(name, value)| Some((name, value.as_ref()?)))?;
    Some(format!("{name} {value}"))
}

/// What was stored so. Only a checksum of the checksums of parts has a hyphen in it.
pub(crate) fn from_text(text: &str) -> Checksum {
    let (name, value) = text.split_once(' ').unwrap_or_default();
    let Some(algorithm) = Algorithm::of(name) else {
        return Checksum::default();
    };
    let announced = Announced {
        algorithm,
        is_composite: value.contains('-'),
    };
    Checksum {
        checksum_type: Some(announced.kind()),
        ..algorithm.checksum(value.to_owned())
    }
}

/// All kinds of checksums, by the names that S3 has for them.
fn kinds(checksum: &Checksum) -> [(&'static str, &Option<String>); 5] {
    [
        ("CRC32", &checksum.checksum_crc32),
        ("CRC32C", &checksum.checksum_crc32c),
        ("CRC64NVME", &checksum.checksum_crc64nvme),
        ("SHA1", &checksum.checksum_sha1),
        ("SHA256", &checksum.checksum_sha256),
    ]
}

/// What S3 calls the tag of a part.
pub(crate) fn hex_of_md5(body: &[u8]) -> String {
    let digest = Md5::checksum(body);
    let digits = digest
        .as_ref()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn check_announced(headers: &HeaderMap, trailers: &HeaderMap) -> S3Result<()> {
    let announced = headers
        .get(TRAILER)
        .and_then(|names| names.to_str().ok())
        .unwrap_or_default();
    let mut names = announced.split(',').map(str::trim);
    if names.any(|name| !name.is_empty() && !trailers.contains_key(name)) {
        let code = S3ErrorCode::Custom("MalformedTrailerError".into());
        let mut error =
            S3Error::with_message(code, "what was announced to follow the body is missing");
        error.set_status_code(StatusCode::BAD_REQUEST);
        return Err(error);
    }
    Ok(())
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for position in 0..4 {
            let digit = (bits >> (18 - 6 * position)) & 63;
            let is_padding = position > chunk.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(DIGITS[digit as usize])
            });
        }
    }
    text
}
