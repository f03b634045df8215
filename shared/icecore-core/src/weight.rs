//! About how much memory a JSON value takes once it is read: short texts of it take many times their length.

use std::io::{self, Write};

/// A value beside its text, as `serde_json` keeps it (on 64 bits).
const VALUE: u64 = 32;
/// An object: a node of the tree, which has room for eleven members.
const OBJECT: u64 = 640;
/// A member beside its text: its name's own memory, and its share of further nodes.
const MEMBER: u64 = 64;

/// Weighs the JSON that is written to it.
#[derive(Debug, Default)]
pub(crate) struct Weigher {
    bytes: u64,
    in_string: bool,
    escaped: bool,
}

impl Weigher {
    /// About how many bytes what was written takes in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn add(&mut self, json: &[u8]) {
        for byte in json {
            if self.in_string {
                self.in_string = self.escaped || *byte != b'"';
                self.escaped = !self.escaped && *byte == b'\\';
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b',' | b'[' => self.bytes += VALUE,
                b'{' => self.bytes += VALUE + OBJECT,
                b':' => self.bytes += MEMBER,
                _ => {}
            }
        }
        self.bytes += json.len() as u64;
    }
}

/// About how many bytes a JSON text takes in memory.
pub(crate) fn weight(json: &[u8]) -> u64 {
    let mut weigher = Weigher::default();
    weigher.add(json);
    weigher.bytes()
}

impl Write for Weigher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_of_zeros_weighs_many_times_its_text() {
        let zeros = format!("[{}0]", "0,".repeat(999));
        assert_eq!(weight(zeros.as_bytes()), 1_000 * VALUE + zeros.len() as u64);
    }

    #[test]
    fn what_stands_in_a_string_is_no_value() {
        let json = br#"{"a":",,,[[[\"::","b":"\\"}"#;
        assert_eq!(
            weight(json),
            OBJECT + 2 * (VALUE + MEMBER) + json.len() as u64
        );
    }

    #[test]
    fn it_makes_no_difference_where_the_text_is_cut() {
        let json = br#"{"a":[1,2,"x\"y,z"],"b\\":{"c":null}}"#;
        for cut in 0..json.len() {
            let mut weigher = Weigher::default();
            weigher.add(&json[..cut]);
            weigher.add(&json[cut..]);
            assert_eq!(weigher.bytes(), weight(json), "cut at {cut}");
        }
    }
}
