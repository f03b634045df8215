//! gzip and base64, and JSON as a person would lay it out.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read, Write};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The widest line of a vector file, unless one value needs more.
const WIDTH: usize = 100;

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let padded = [
            chunk[0],
            *chunk.get(1).unwrap_or(&0),
            *chunk.get(2).unwrap_or(&0),
        ];
        let bits = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for (n, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = BASE64[(bits >> shift & 63) as usize];
            text.push(if n <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    let digits = text.trim_end_matches('=').bytes();
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        let value = BASE64.iter().position(|&d| d == digit).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub(crate) fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// Lays compact JSON out over lines where it is wider than one; the order of members stays.
pub(crate) fn laid_out(compact: &str) -> String {
    let mut out = String::new();
    lay_out(compact, 0, 0, &mut out);
    out.push('\n');
    out
}

fn lay_out(json: &str, indent: usize, before: usize, out: &mut String) {
    let parts = parts(json);
    let on_one_line = spaced(json);
    if parts.is_empty() || indent + before + on_one_line.len() < WIDTH {
        out.push_str(&on_one_line);
        return;
    }
    let inner = " ".repeat(indent + 2);
    out.push_str(&json[..1]);
    for (n, part) in parts.iter().enumerate() {
        out.push_str(if n == 0 { "\n" } else { ",\n" });
        out.push_str(&inner);
        let name = if json.starts_with('{') {
            let (name, _) = part.split_at(end_of_string(part) + 1);
            out.push_str(name);
            out.push(' ');
            name.len()
        } else {
            0
        };
        lay_out(&part[name..], indent + 2, name + 1, out);
    }
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    out.push_str(&json[json.len() - 1..]);
}

/// The members or items of an object or array; none of anything else.
fn parts(json: &str) -> Vec<&str> {
    if !json.starts_with(['{', '[']) || json.len() == 2 {
        return Vec::new();
    }
    let (mut parts, mut start, mut depth) = (Vec::new(), 1, 0);
    for (at, byte) in outside_of_strings(json) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 1 => {
                parts.push(&json[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&json[start..json.len() - 1]);
    parts
}

/// Where the string ends with which a member begins.
fn end_of_string(member: &str) -> usize {
    outside_of_strings(member).next().unwrap().0
}

fn spaced(json: &str) -> String {
    let mut out = json.to_owned();
    let blanks: Vec<usize> = outside_of_strings(json)
        .filter(|(_, byte)| matches!(byte, b',' | b':'))
        .map(|(at, _)| at + 1)
        .collect();
    for at in blanks.into_iter().rev() {
        out.insert(at, ' ');
    }
    out
}

fn outside_of_strings(json: &str) -> impl Iterator<Item = (usize, u8)> {
    let (mut inside, mut escaped) = (false, false);
    json.bytes().enumerate().filter(move |(_, byte)| {
        if inside {
            inside = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            return false;
        }
        inside = *byte == b'"';
        !inside
    })
}

#[test]
fn base64_goes_both_ways() {
    for (bytes, text) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(to_base64(bytes.as_bytes()), text);
        assert_eq!(from_base64(text), bytes.as_bytes());
    }
}

#[test]
fn laying_out_adds_blanks_only() {
    let long = "x".repeat(80);
    let json = format!(r#"{{"a":[1,2,{{}}],"b":{{"c":"{long},:{{\"","d":[]}},"e":null}}"#);
    let text = laid_out(&json);
    assert_eq!(
        text,
        format!(
            "{{\n  \"a\": [1, 2, {{}}],\n  \"b\": {{\n    \"c\": \"{long},:{{\\\"\",\n    \"d\": []\n  }},\n  \"e\": null\n}}\n"
        )
    );
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        value,
        serde_json::from_str::<serde_json::Value>(&json).unwrap()
    );
}
