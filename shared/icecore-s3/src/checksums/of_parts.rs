//! The checksum of an object that comes in parts: of all its bytes, or (`COMPOSITE`) of the checksums of its parts, in which
//! case how many these are stands behind it (`…-3`).

use super::{base64, compared, kinds};
use bytes::Bytes;
use s3s::crypto::{Checksum as Hasher, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumAlgorithm, ChecksumType};
use s3s::{S3Result, s3_error};

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// What an upload says of its checksum when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) algorithm: Algorithm,
    /// Whether it is made of those of the parts.
    pub(crate) is_composite: bool,
}

impl Algorithm {
    /// By the name that S3 has for it.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            ChecksumAlgorithm::CRC32 => Some(Self::Crc32),
            ChecksumAlgorithm::CRC32C => Some(Self::Crc32c),
            ChecksumAlgorithm::CRC64NVME => Some(Self::Crc64Nvme),
            ChecksumAlgorithm::SHA1 => Some(Self::Sha1),
            ChecksumAlgorithm::SHA256 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// That of the only checksum here.
    fn of_checksum(checksum: &Checksum) -> Option<Self> {
        let mut there = kinds(checksum).into_iter();
        let (name, _) = there.find(|(_, value)| value.is_some())?;
        Self::of(name)
    }

    pub(crate) fn name(self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::from_static(match self {
            Self::Crc32 => ChecksumAlgorithm::CRC32,
            Self::Crc32c => ChecksumAlgorithm::CRC32C,
            Self::Crc64Nvme => ChecksumAlgorithm::CRC64NVME,
            Self::Sha1 => ChecksumAlgorithm::SHA1,
            Self::Sha256 => ChecksumAlgorithm::SHA256,
        })
    }

    /// A checksum that is this one.
    pub(crate) fn checksum(self, value: String) -> Checksum {
        let mut checksum = Checksum::default();
        let value = Some(value);
        match self {
            Self::Crc32 => checksum.checksum_crc32 = value,
            Self::Crc32c => checksum.checksum_crc32c = value,
            Self::Crc64Nvme => checksum.checksum_crc64nvme = value,
            Self::Sha1 => checksum.checksum_sha1 = value,
            Self::Sha256 => checksum.checksum_sha256 = value,
        }
        checksum
    }

    fn digest<'a>(self, bytes: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        match self {
            Self::Crc32 => digest::<Crc32>(bytes),
            Self::Crc32c => digest::<Crc32c>(bytes),
            Self::Crc64Nvme => digest::<Crc64Nvme>(bytes),
            Self::Sha1 => digest::<Sha1>(bytes),
            Self::Sha256 => digest::<Sha256>(bytes),
        }
    }

    /// Whether S3 makes a checksum of this type with it: of those of the parts, or of all bytes.
    fn can_be(self, is_composite: bool) -> bool {
        match self {
            Self::Crc32 | Self::Crc32c => true,
            Self::Crc64Nvme => !is_composite,
            Self::Sha1 | Self::Sha256 => is_composite,
        }
    }
}

fn digest<'a, H: Hasher>(bytes: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut hasher = H::new();
    bytes.for_each(|bytes| hasher.update(bytes));
    hasher.finalize().as_ref().to_vec()
}

impl Announced {
    /// What the headers of a new upload say; without a type S3 composes where the algorithm can.
    ///
    /// # Errors
    /// `InvalidRequest` for what S3 does not know, or does not do.
    pub(crate) fn new(
        algorithm: Option<&ChecksumAlgorithm>,
        kind: Option<&ChecksumType>,
    ) -> S3Result<Option<Self>> {
        let invalid = |why| Err(s3_error!(InvalidRequest, "{why}"));
        let Some(algorithm) = algorithm else {
            return match kind {
                None => Ok(None),
                Some(_) => invalid("x-amz-checksum-type needs x-amz-checksum-algorithm"),
            };
        };
        let Some(algorithm) = Algorithm::of(algorithm.as_str()) else {
            return invalid("x-amz-checksum-algorithm is none that is known");
        };
        let is_composite = match kind.map(ChecksumType::as_str) {
            None => algorithm.can_be(true),
            Some(ChecksumType::COMPOSITE) => true,
            Some(ChecksumType::FULL_OBJECT) => false,
            Some(_) => return invalid("x-amz-checksum-type is none"),
        };
        if !algorithm.can_be(is_composite) {
            return invalid("this algorithm makes no checksum of this type");
        }
        Ok(Some(Self {
            algorithm,
            is_composite,
        }))
    }

    pub(crate) fn kind(self) -> ChecksumType {
        ChecksumType::from_static(if self.is_composite {
            ChecksumType::COMPOSITE
        } else {
            ChecksumType::FULL_OBJECT
        })
    }

    /// Refuses a checksum of another algorithm: with it the client would be sure of something else than it asked for.
    pub(crate) fn check(self, checksum: &Checksum) -> S3Result<()> {
        let sent = Algorithm::of_checksum(checksum);
        if sent.is_none_or(|sent| sent == self.algorithm) {
            Ok(())
        } else {
            Err(s3_error!(
                InvalidRequest,
                "the checksum has another algorithm than the upload was begun with"
            ))
        }
    }
}

/// What a client says when it completes an upload.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    pub(crate) checksum: Checksum,
    pub(crate) kind: Option<ChecksumType>,
}

/// A part, and what the client that completes the upload says of it.
pub(crate) type Named = (Bytes, Checksum);

/// The checksum of an object, once what the client says of it and its parts is found to be true. Without a claim it is what was
/// announced; nothing, where nothing was.
///
/// # Errors
/// `InvalidPart` and `BadDigest` when a checksum is not that of the bytes; `InvalidRequest` when it is none that was announced.
pub(crate) fn verify_parts(
    announced: Option<Announced>,
    claimed: Claimed,
    parts: &[Named],
) -> S3Result<Checksum> {
    for (bytes, claimed) in parts {
        let verified = compared(claimed.clone(), [bytes.as_ref()]);
        verified.map_err(|_| s3_error!(InvalidPart, "a checksum does not match its part"))?;
    }
    let values = kinds(&claimed.checksum).into_iter();
    let mut values = values.filter_map(|(_, value)| value.clone());
    let (value, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(s3_error!(InvalidRequest, "there is more than one checksum"));
    }
    // Where nothing was announced, what is claimed says what it is.
    let claims = Algorithm::of_checksum(&claimed.checksum).map(|algorithm| Announced {
        algorithm,
        is_composite: value.as_ref().is_some_and(|value| value.contains('-')),
    });
    let Some(announced) = announced.or(claims) else {
        return Ok(Checksum::default());
    };
    announced.check(&claimed.checksum)?;
    if claimed.kind.is_some_and(|kind| kind != announced.kind()) {
        return Err(s3_error!(
            InvalidRequest,
            "the checksum of this upload has another x-amz-checksum-type"
        ));
    }
    let found = of_parts(announced, parts);
    if value.is_some_and(|value| value != found) {
        return Err(s3_error!(BadDigest, "a checksum does not match the object"));
    }
    Ok(Checksum {
        checksum_type: Some(announced.kind()),
        ..announced.algorithm.checksum(found)
    })
}

fn of_parts(announced: Announced, parts: &[Named]) -> String {
    let algorithm = announced.algorithm;
    let bodies = parts.iter().map(|(bytes, _)| bytes.as_ref());
    if !announced.is_composite {
        return base64(&algorithm.digest(bodies));
    }
    let digests: Vec<_> = bodies
        .map(|body| algorithm.digest(std::iter::once(body)))
        .collect();
    let whole = algorithm.digest(digests.iter().map(Vec::as_slice));
    format!("{}-{}", base64(&whole), parts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(algorithm: Option<&str>, kind: Option<&str>) -> S3Result<Option<Announced>> {
        let algorithm = algorithm.map(|name| ChecksumAlgorithm::from(name.to_owned()));
        let kind = kind.map(|name| ChecksumType::from(name.to_owned()));
        Announced::new(algorithm.as_ref(), kind.as_ref())
    }

    #[test]
    fn an_algorithm_makes_what_s3_makes_with_it() {
        assert_eq!(announced(None, None).unwrap(), None);
        assert!(announced(None, Some("COMPOSITE")).is_err());
        assert!(announced(Some("MD4"), None).is_err());
        for (name, of_parts, of_all) in [
            ("CRC32", true, true),
            ("CRC32C", true, true),
            ("CRC64NVME", false, true),
            ("SHA1", true, false),
            ("SHA256", true, false),
        ] {
            let is = |kind| {
                let announced = announced(Some(name), kind).ok()?;
                announced.map(|announced| announced.is_composite)
            };
            assert_eq!(is(None), Some(of_parts), "{name}");
            assert_eq!(is(Some("COMPOSITE")), of_parts.then_some(true), "{name}");
            assert_eq!(is(Some("FULL_OBJECT")), of_all.then_some(false), "{name}");
            assert_eq!(is(Some("other")), None, "{name}");
            assert_eq!(Algorithm::of(name).unwrap().name().as_str(), name);
        }
    }
}
