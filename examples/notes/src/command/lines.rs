//! Lines of the input, or of a file, as they come.

use crate::record::LINE_BYTES_MAX;
use icecore::{Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use tokio::sync::mpsc;

/// How many lines wait for an instance that does not keep up; whoever writes them waits then.
const WAITING_MAX: usize = 64;

/// A file to read lines of.
pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| {
        Error::not_found("the recording cannot be read")
            .with_object(path.display().to_string())
            .with_hint("`notes --record FILE …` writes one, and `notes calls --json` prints one")
            .with_source(e)
    })
}

/// The lines that come, without their ends and without empty ones. Reading waits in a thread of its own: the instance goes
/// on meanwhile.
pub(super) fn lines(from: impl Read + Send + 'static) -> mpsc::Receiver<Result<Vec<u8>>> {
    let (to, lines) = mpsc::channel(WAITING_MAX);
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        while let Some(line) = next(&mut from).transpose() {
            let is_over = line.is_err();
            if to.blocking_send(line).is_err() || is_over {
                break;
            }
        }
    });
    lines
}

/// The next line that is not empty; `None` at the end.
pub(super) fn next(from: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    loop {
        let mut line = Vec::new();
        let most = LINE_BYTES_MAX as u64 + 1;
        let read = from.by_ref().take(most).read_until(b'\n', &mut line);
        if read.map_err(|e| Error::unavailable("the input cannot be read").with_source(e))? == 0 {
            return Ok(None);
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(
                Error::invalid(format!("a line has more than {LINE_BYTES_MAX} bytes"))
                    .with_hint("a recording has one call on each line"),
            );
        }
        let text = line.trim_ascii();
        if !text.is_empty() {
            return Ok(Some(text.to_vec()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whole_or_not_at_all() {
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        let mut from = b"one\r\n\n  \ntwo".to_vec();
        from.push(b'\n');
        from.extend(&long);
        let mut from = from.as_slice();
        assert_eq!(next(&mut from).unwrap().unwrap(), b"one");
        assert_eq!(next(&mut from).unwrap().unwrap(), b"two");
        let error = next(&mut from).unwrap_err();
        assert_eq!(error.to_string(), "a line has more than 2097152 bytes");
        assert!(next(&mut b"".as_slice()).unwrap().is_none());
    }
}
