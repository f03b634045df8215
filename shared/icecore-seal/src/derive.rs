//! Keys from keys: HKDF and HMAC with SHA-256, and base64url, the one encoding of binary values.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// 32 secret bytes.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Fills `out`: HKDF-SHA-256 (RFC 5869).
pub(crate) fn hkdf(ikm: &[u8], salt: Option<&[u8]>, info: &[u8], out: &mut [u8]) {
    Hkdf::<Sha256>::new(salt, ikm)
        .expand(info, out)
        .expect("BUG: HKDF is asked for more than 255 blocks");
}

/// A key for one purpose.
pub(crate) fn subkey(key: &[u8; 32], info: &[u8]) -> Key {
    let mut out = Key::default();
    hkdf(key, None, info, out.as_mut());
    out
}

/// An HMAC-SHA-256 over some parts, to be finished or verified.
pub(crate) struct Proof(Hmac<Sha256>);

impl Proof {
    pub(crate) fn new(key: &Key, parts: &[&[u8]]) -> Self {
        let mut hmac = Hmac::new_from_slice(key.as_slice()).expect("BUG: HMAC takes any key");
        for part in parts {
            hmac.update(part);
        }
        Self(hmac)
    }

    pub(crate) fn into_text(self) -> String {
        to_base64(&self.0.finalize().into_bytes())
    }

    /// Whether `text` stands for this proof; in constant time, but for its form.
    pub(crate) fn is(self, text: &str) -> bool {
        from_base64(text).is_some_and(|bytes| self.0.verify_slice(&bytes).is_ok())
    }
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Nothing where it is not base64url in its one form: without padding, and with unused bits zero.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// As [`from_base64`], of exactly so many bytes.
pub(crate) fn array_from_base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    from_base64(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let pairs = text.as_bytes().chunks(2);
        let bytes = pairs.map(|pair| str::from_utf8(pair).unwrap());
        bytes.map(|b| u8::from_str_radix(b, 16).unwrap()).collect()
    }

    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        // Appendix A.1.
        let mut okm = [0; 42];
        hkdf(
            &[0x0b; 22],
            Some(&hex("000102030405060708090a0b0c")),
            &hex("f0f1f2f3f4f5f6f7f8f9"),
            &mut okm,
        );
        let expected =
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(okm.as_slice(), hex(expected));
        // Appendix A.3: without salt and info.
        let mut okm = [0; 42];
        hkdf(&[0x0b; 22], None, b"", &mut okm);
        let expected =
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(okm.as_slice(), hex(expected));
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        // Test case 1 has a key of 20 bytes: zeros behind it are the same key.
        let mut key = Key::default();
        key[..20].fill(0x0b);
        let expected = hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        let proof = Proof::new(&key, &[b"Hi ", b"There"]);
        assert_eq!(proof.into_text(), to_base64(&expected));
    }

    #[test]
    fn base64_has_one_form() {
        assert_eq!(from_base64("-_8").unwrap(), [0xfb, 0xff]);
        for text in ["-_8=", "-_9", "+/8", "-_8 ", "-", "é"] {
            assert_eq!(from_base64(text), None, "{text}");
        }
    }
}
