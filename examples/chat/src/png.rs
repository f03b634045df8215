//! What makes a picture acceptable: a whole PNG of a sensible size.
//!
//! Every replica checks every picture that comes, so this is decided by the bytes alone.

use crate::digest::sha256;
use icecore::Error;
use serde::{Deserialize, Serialize};

/// The largest picture. As base64 it is a third larger, and an update object holds 1 MiB: two pictures and what was said
/// between them still go out together. A face of 512 x 512 pixels takes less.
pub const PNG_BYTES_MAX: usize = 256 * 1024;
/// What to do with one that is larger.
pub const SMALLER: &str = "make the picture smaller before it is sent, e.g. 512 x 512 pixels: \
    it has at most 256 KiB, so that everybody can fetch it on a phone";
/// The most pixels on a side: a small file can unpack to gigabytes.
pub const PNG_SIDE_MAX: u32 = 4096;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// A chunk's length, its type and its checksum.
const CHUNK_FRAME: usize = 12;

/// What is known of a picture. Its bytes stay in the history: a state that held all pictures would be read by all.
// The fields stand in the order of their names, as in canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Its size as a file.
    pub bytes: u64,
    /// Pixels from top to bottom.
    pub height: u32,
    /// The SHA-256 of the file in hexadecimal: the same picture is stored and shown once.
    pub sha256: String,
    /// Pixels from left to right.
    pub width: u32,
}

impl Picture {
    /// Looks at a file's bytes.
    ///
    /// # Errors
    /// One sentence that says what is wrong with them.
    pub fn of(png: &[u8]) -> Result<Self, String> {
        if png.len() > PNG_BYTES_MAX {
            return Err(too_large(png.len() as u64));
        }
        let mut rest = png
            .strip_prefix(SIGNATURE)
            .ok_or("it does not begin as a PNG does")?;
        let (width, height) = size(take_chunk(&mut rest)?)?;
        let mut has_image = false;
        loop {
            let (kind, _) = take_chunk(&mut rest)?;
            match kind {
                b"IDAT" => has_image = true,
                b"IEND" => break,
                _ => {}
            }
        }
        if !has_image {
            return Err("it has a header and no image".to_owned());
        }
        if !rest.is_empty() {
            return Err(format!("{} bytes follow its end", rest.len()));
        }
        Ok(Self {
            bytes: png.len() as u64,
            height,
            sha256: sha256(png),
            width,
        })
    }
}

/// A picture from a person or a client, looked at before anything is stored.
///
/// # Errors
/// `Invalid`, with what to do where it is too large.
pub fn accept(png: &[u8]) -> Result<(), Error> {
    accept_size(png.len() as u64)?;
    Picture::of(png).map(drop).map_err(|reason| {
        Error::invalid(format!("the picture is refused: {reason}"))
            .with_hint("choose a whole PNG; nothing was stored")
    })
}

/// The same for the size alone, before so much is read.
///
/// # Errors
/// `Invalid`, with what to do.
pub fn accept_size(bytes: u64) -> Result<(), Error> {
    if bytes > PNG_BYTES_MAX as u64 {
        let reason = too_large(bytes);
        return Err(Error::invalid(format!("the picture is refused: {reason}")).with_hint(SMALLER));
    }
    Ok(())
}

fn too_large(bytes: u64) -> String {
    format!(
        "it has {} KiB, at most {} KiB are allowed",
        bytes.div_ceil(1024),
        PNG_BYTES_MAX / 1024
    )
}

/// The next chunk's type and data; its checksum is right.
fn take_chunk<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8], &'a [u8]), String> {
    const CUT: &str = "it ends in the middle";
    let (length, _) = rest.split_first_chunk::<4>().ok_or(CUT)?;
    let length = u32::from_be_bytes(*length) as usize;
    // A length of up to 4 GiB may stand there: nothing is added to it before it is known to be small.
    if length > rest.len() || rest.len() - length < CHUNK_FRAME {
        return Err(CUT.to_owned());
    }
    let (chunk, after) = rest.split_at(length + CHUNK_FRAME);
    *rest = after;
    let (checked, sum) = chunk[4..].split_at(4 + length);
    let (kind, data) = checked.split_at(4);
    if crc32(checked).to_be_bytes() != sum {
        return Err(format!(
            "the checksum of its part {} is wrong",
            kind.escape_ascii()
        ));
    }
    Ok((kind, data))
}

/// Width and height, from the first chunk.
fn size((kind, data): (&[u8], &[u8])) -> Result<(u32, u32), String> {
    let (Some((width, rest)), b"IHDR", 13) = (data.split_first_chunk(), kind, data.len()) else {
        return Err("it does not begin with a header".to_owned());
    };
    let (height, _) = rest.split_first_chunk().ok_or("its header is too short")?;
    let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    let sensible = 1..=PNG_SIDE_MAX;
    if sensible.contains(&width) && sensible.contains(&height) {
        Ok((width, height))
    } else {
        Err(format!(
            "it is {width} x {height} pixels, a side has 1 to {PNG_SIDE_MAX}"
        ))
    }
}

/// The checksum of PNG (ISO 3309), bit by bit: a picture comes now and then, a table would not pay.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One pixel, 67 bytes.
    const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\
        \0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
        \0\0\0\x0aIDAT\x78\x9c\x63\0\x01\0\0\x05\0\x01\x0d\x0a\x2d\xb4\
        \0\0\0\0IEND\xae\x42\x60\x82";

    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        let checked = [kind, data].concat();
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length, checked.as_slice(), &crc32(&checked).to_be_bytes()].concat()
    }

    fn png(width: u32, height: u32, more: &[Vec<u8>]) -> Vec<u8> {
        let header = [
            &width.to_be_bytes(),
            &height.to_be_bytes(),
            &[8, 6, 0, 0, 0][..],
        ]
        .concat();
        [SIGNATURE, &chunk(b"IHDR", &header), &more.concat()].concat()
    }

    #[test]
    fn one_pixel_is_a_picture() {
        let picture = Picture::of(PIXEL).unwrap();
        assert_eq!((picture.width, picture.height, picture.bytes), (1, 1, 67));
        assert_eq!(picture.sha256.len(), 64);
    }

    #[test]
    fn what_is_broken_is_refused_with_the_reason() {
        let end = || chunk(b"IEND", b"");
        let image = || chunk(b"IDAT", b"x");
        let with = |at: usize, byte: u8| {
            let mut bytes = PIXEL.to_vec();
            bytes[at] = byte;
            bytes
        };
        for (bytes, reason) in [
            (b"".to_vec(), "does not begin as a PNG"),
            (b"GIF89a".to_vec(), "does not begin as a PNG"),
            (PIXEL[..8].to_vec(), "ends in the middle"),
            (PIXEL[..66].to_vec(), "ends in the middle"),
            (with(8, 0xff), "ends in the middle"),
            (with(19, 2), "checksum of its part IHDR"),
            (with(45, 0), "checksum of its part IDAT"),
            ([PIXEL, b"!"].concat(), "1 bytes follow"),
            ([SIGNATURE, &end()].concat(), "does not begin with a header"),
            (
                [SIGNATURE, &chunk(b"IHDR", b"12345")].concat(),
                "does not begin with a header",
            ),
            (png(0, 1, &[image(), end()]), "0 x 1 pixels"),
            (png(1, 100_000, &[image(), end()]), "1 x 100000 pixels"),
            (png(1, 1, &[end()]), "no image"),
            (png(1, 1, &[image()]), "ends in the middle"),
            (
                vec![0; PNG_BYTES_MAX + 1],
                "it has 257 KiB, at most 256 KiB are allowed",
            ),
        ] {
            let said = Picture::of(&bytes).unwrap_err();
            assert!(said.contains(reason), "{said:?} instead of {reason:?}");
        }
        assert!(Picture::of(&png(4096, 1, &[image(), end()])).is_ok());
    }
}
