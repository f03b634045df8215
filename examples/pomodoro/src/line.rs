//! The form of a line of Flowkeeper's history: `N, time, user: Kind("text", "text")`.
//!
//! In a text `\"` stands for a quote and `\\` for a backslash; nothing else is escaped, so a text may go on over several
//! lines. Empty lines and lines that begin with `#` say nothing. A line ends with `)` outside of any text: a line that was
//! only half written can never look whole.

use icecore::{Error, Result, time};
use std::fmt;

/// A line as it was written, not yet understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it stands in the file, from 1: for messages.
    pub place: usize,
    /// Its number; the numbers of a history have no gaps.
    pub number: u64,
    /// When it happened, in milliseconds since 1970; what the file says beyond that is dropped.
    pub at: i64,
    /// Who did it.
    pub user: String,
    /// What.
    pub call: Call,
}

/// The part of a line that says what happened: `Kind("text", "text")`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which kind of update.
    pub kind: String,
    /// Its texts, as they are meant.
    pub texts: Vec<String>,
}

/// An error of a file: where, and why.
pub(crate) fn bad_line(place: usize, reason: impl AsRef<str>) -> Error {
    Error::invalid(format!("line {place}: {}", reason.as_ref()))
}

/// Reads all lines of a file.
///
/// # Errors
/// `Invalid` for the first one that is not of the form, with its place and the reason.
pub fn read_lines(bytes: &[u8]) -> Result<Vec<Line>> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let before = bytes.get(..=e.valid_up_to()).unwrap_or_default();
        let place = before.split(|byte| *byte == b'\n').count();
        bad_line(place, "is not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut scanner = Scanner {
        rest: text,
        place: 1,
    };
    let mut lines = Vec::new();
    while scanner.skip_to_line() {
        let place = scanner.place;
        lines.push(scanner.line().map_err(|reason| bad_line(place, reason))?);
    }
    Ok(lines)
}

/// Reads one call, e.g. `StartTimer("…", "1500", "300")`.
///
/// # Errors
/// `Invalid` when it is not of the form, with the reason.
pub fn read_call(text: &str) -> Result<Call> {
    let mut scanner = Scanner {
        rest: text.trim(),
        place: 1,
    };
    let call = scanner.call().and_then(|call| match scanner.rest {
        "" => Ok(call),
        more => Err(format!("{:?} stands behind the end", shorten(more))),
    });
    call.map_err(|reason| {
        Error::invalid(reason).with_hint("write it like StartTimer(\"ITEM\", \"1500\", \"300\")")
    })
}

/// Writes a line, with a newline at its end, as Flowkeeper does.
pub fn write_line((number, at): (u64, i64), user: &str, call: &Call) -> String {
    format!("{number}, {}, {user}: {call}\n", write_time(at))
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.kind)?;
        // Flowkeeper never writes fewer than two.
        let padding = std::iter::repeat_n("", 2_usize.saturating_sub(self.texts.len()));
        let mut separator = "";
        for text in self.texts.iter().map(String::as_str).chain(padding) {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "{separator}\"{escaped}\"")?;
            separator = ", ";
        }
        f.write_str(")")
    }
}

/// `2026-06-10 12:56:28.010000+00:00`, or without a fraction where there is none.
pub(crate) fn write_time(at: i64) -> String {
    let text = time::to_rfc3339(at).replacen('T', " ", 1);
    let text = text.trim_end_matches('Z');
    match text.strip_suffix(".000") {
        Some(whole) => format!("{whole}+00:00"),
        None => format!("{text}000+00:00"),
    }
}

/// Reads a time in any zone; one without a zone could mean anything.
///
/// # Errors
/// `Invalid`, with the form that is expected.
pub fn read_time(text: &str) -> Result<i64> {
    time::from_rfc3339(&text.replacen(' ', "T", 1)).map_err(|_| {
        Error::invalid(format!("{text:?} is not a time with a zone"))
            .with_hint("write it like \"2026-06-10 12:51:40+00:00\"")
    })
}

struct Scanner<'a> {
    rest: &'a str,
    place: usize,
}

impl<'a> Scanner<'a> {
    /// Skips what says nothing; `false` at the end.
    fn skip_to_line(&mut self) -> bool {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.take(blank);
            if !self.rest.starts_with('#') {
                return !self.rest.is_empty();
            }
            self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    fn line(&mut self) -> Result<Line, String> {
        if self.rest.starts_with('+') {
            return Err(
                "is encrypted by Flowkeeper: export the history without encryption".to_owned(),
            );
        }
        let place = self.place;
        let number = self.until(',', "a number and a comma")?;
        let number = number
            .parse()
            .map_err(|_| format!("{:?} is not the number of a line", shorten(number)))?;
        let at = read_time(self.until(',', "a time and a comma")?).map_err(|e| e.to_string())?;
        let user = self.until(':', "a user and a colon")?.to_owned();
        let call = self.call()?;
        let rest = self.rest.trim_start_matches([' ', '\t', '\r']);
        if !rest.is_empty() && !rest.starts_with('\n') {
            return Err(format!("{:?} stands behind the end", shorten(rest)));
        }
        Ok(Line {
            place,
            number,
            at,
            user,
            call,
        })
    }

    fn call(&mut self) -> Result<Call, String> {
        let kind = self.until('(', "a kind and a parenthesis")?;
        if kind.is_empty() || !kind.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err(format!("{:?} is not a kind", shorten(kind)));
        }
        let kind = kind.to_owned();
        let mut texts = Vec::new();
        loop {
            self.skip_blanks();
            texts.push(self.text()?);
            self.skip_blanks();
            let ends = match self.rest.chars().next() {
                Some(',') => false,
                Some(')') => true,
                Some(_) => return Err("a comma or a parenthesis must follow each text".to_owned()),
                None => return Err("ends in the middle".to_owned()),
            };
            self.take(1);
            if ends {
                return Ok(Call { kind, texts });
            }
        }
    }

    /// A text in quotes.
    fn text(&mut self) -> Result<String, String> {
        if !self.rest.starts_with('"') {
            return Err(if self.rest.is_empty() {
                "ends in the middle".to_owned()
            } else {
                format!(
                    "{:?} stands where a text in quotes must",
                    shorten(self.rest)
                )
            });
        }
        self.take(1);
        let mut text = String::new();
        loop {
            let plain = self.rest.find(['"', '\\']);
            let plain = plain.ok_or("ends in the middle of a text")?;
            text.push_str(self.take(plain));
            if self.take(1) == "\"" {
                return Ok(text);
            }
            match self.rest.chars().next() {
                Some(escaped @ ('"' | '\\')) => text.push(escaped),
                Some(_) => {
                    return Err("only a quote or a backslash can follow a backslash".to_owned());
                }
                None => return Err("ends in the middle of a text".to_owned()),
            }
            self.take(1);
        }
    }

    /// What stands before a delimiter on this line, without blanks around it.
    fn until(&mut self, delimiter: char, expected: &str) -> Result<&'a str, String> {
        let line = self.rest.split('\n').next().unwrap_or_default();
        let end = line.find(delimiter).ok_or_else(|| match line.trim() {
            "" => "ends in the middle".to_owned(),
            _ => format!("{:?} stands where {expected} must", shorten(line)),
        })?;
        let found = self.take(end).trim();
        self.take(delimiter.len_utf8());
        Ok(found)
    }

    fn skip_blanks(&mut self) {
        let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        self.take(blank);
    }

    /// Goes on by so many bytes, which end between two characters.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.place += taken.matches('\n').count();
        self.rest = rest;
        taken
    }
}

/// The beginning of a text: what is wrong is shown, however long it is.
fn shorten(text: &str) -> &str {
    let text = text.lines().next().unwrap_or_default();
    text.char_indices()
        .nth(40)
        .map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests;
