//! What a process did, as `recorder.c` wrote it down.

/// One thing that happened.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A process begins; the folder that is watched.
    Begin {
        root: u64,
    },
    /// A name in a directory stands for this file or directory from now on.
    Named {
        parent: u64,
        name: String,
        inode: u64,
        new: New,
    },
    Renamed {
        from: (u64, String),
        to: (u64, String),
        inode: u64,
    },
    Removed {
        parent: u64,
        name: String,
    },
    Written {
        inode: u64,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncated {
        inode: u64,
        length: usize,
    },
    Synced {
        inode: u64,
    },
    /// On its stdout.
    Said(String),
}

/// What came with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum New {
    File,
    Directory,
    /// It has another name already.
    Link,
}

/// Reads a log.
pub(crate) fn parse(mut log: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    while !log.is_empty() {
        let kind = log[0];
        let number = |n: usize| u64::from_ne_bytes(log[1 + 8 * n..9 + 8 * n].try_into().unwrap());
        let length =
            |n: usize| u32::from_ne_bytes(log[25 + 4 * n..29 + 4 * n].try_into().unwrap()) as usize;
        let (a, b, c) = (number(0), number(1), number(2));
        let (one, rest) = log[33..].split_at(length(0));
        let (two, rest) = rest.split_at(length(1));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
        let named = |new| Event::Named {
            parent: a,
            name: text(one),
            inode: b,
            new,
        };
        events.push(match kind {
            b'R' => Event::Begin { root: a },
            b'C' => named(New::File),
            b'D' => named(New::Directory),
            b'L' => named(New::Link),
            b'N' => Event::Renamed {
                from: (a, text(one)),
                to: (c, text(two)),
                inode: b,
            },
            b'U' => Event::Removed {
                parent: a,
                name: text(one),
            },
            b'W' => Event::Written {
                inode: a,
                at: usize::try_from(b).unwrap(),
                bytes: one.to_owned(),
            },
            b'T' => Event::Truncated {
                inode: a,
                length: usize::try_from(b).unwrap(),
            },
            b'F' => Event::Synced { inode: a },
            b'S' => Event::Said(text(one)),
            _ => panic!("an event of the kind {kind}"),
        });
        log = rest;
    }
    events
}
