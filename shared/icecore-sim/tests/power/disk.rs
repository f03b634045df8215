//! A disk that keeps what was fsynced, and of the rest what it likes.
//!
//! Bytes and lengths are durable by an fsync of their file, names by an fsync of their directory. Nothing else is: not a
//! name by an fsync of its file, not an earlier write by a later one.

use super::log::{Event, New};
use icecore_sim::random::Random;
use icecore_store::Ids;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What was not fsynced when the power failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsynced {
    /// All of it is gone: the worst case as a rule.
    Lost,
    /// The names are there, the bytes are not: a file system that orders names only.
    NamesKept,
    /// Each write and each change of a name is there or not, as this seed says; of a write perhaps the first sectors.
    Some(u64),
    /// All of it is there, as when only the processes were killed.
    Kept,
}

/// A disk writes sectors whole.
const SECTOR: usize = 512;

/// The changes of one file or directory since its last fsync, on top of what is durable.
#[derive(Debug, Clone)]
struct Node<State, Change> {
    durable: State,
    now: State,
    since: Vec<Change>,
}

impl<State: Clone + Default, Change> Node<State, Change> {
    fn new() -> Self {
        Self {
            durable: State::default(),
            now: State::default(),
            since: Vec::new(),
        }
    }

    fn change(&mut self, change: Change, apply: impl Fn(&mut State, &Change)) {
        apply(&mut self.now, &change);
        self.since.push(change);
    }

    fn sync(&mut self) {
        self.durable = self.now.clone();
        self.since.clear();
    }
}

#[derive(Debug, Clone)]
enum Edit {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

fn edit(bytes: &mut Vec<u8>, edit: &Edit) {
    match edit {
        Edit::Write(at, part) => {
            let end = at + part.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*at..end].copy_from_slice(part);
        }
        Edit::Truncate(length) => bytes.resize(*length, 0),
    }
}

/// Names that go away and the ones that come, at once.
type Move = (Option<String>, Option<(String, usize)>);
type Names = BTreeMap<String, usize>;

fn rename(names: &mut Names, (from, to): &Move) {
    if let Some(from) = from {
        names.remove(from);
    }
    if let Some((name, node)) = to {
        names.insert(name.clone(), *node);
    }
}

#[derive(Debug, Clone)]
enum Kind {
    File(Node<Vec<u8>, Edit>),
    Directory(Node<Names, Move>),
}

/// The disk after some events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    nodes: Vec<Kind>,
    /// An inode that is free is given to another file.
    by_inode: BTreeMap<u64, usize>,
}

impl Disk {
    /// What an event changes.
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Begin { root } if self.nodes.is_empty() => self.add(*root, New::Directory),
            Event::Begin { .. } | Event::Said(_) => {}
            Event::Named {
                parent,
                name,
                inode,
                new,
            } => {
                if *new != New::Link {
                    self.add(*inode, *new);
                }
                let node = self.by_inode[inode];
                self.names(*parent)
                    .change((None, Some((name.clone(), node))), rename);
            }
            Event::Renamed { from, to, inode } => {
                assert_eq!(from.0, to.0, "only within one directory");
                let to = (to.1.clone(), self.by_inode[inode]);
                let change = (Some(from.1.clone()), Some(to));
                self.names(from.0).change(change, rename);
            }
            Event::Removed { parent, name } => {
                self.names(*parent)
                    .change((Some(name.clone()), None), rename);
            }
            Event::Written { inode, at, bytes } => {
                let change = Edit::Write(*at, bytes.clone());
                self.file(*inode).change(change, edit);
            }
            Event::Truncated { inode, length } => {
                self.file(*inode).change(Edit::Truncate(*length), edit);
            }
            Event::Synced { inode } => match self.node(*inode) {
                Kind::File(file) => file.sync(),
                Kind::Directory(names) => names.sync(),
            },
        }
    }

    fn add(&mut self, inode: u64, new: New) {
        self.by_inode.insert(inode, self.nodes.len());
        self.nodes.push(match new {
            New::Directory => Kind::Directory(Node::new()),
            New::File | New::Link => Kind::File(Node::new()),
        });
    }

    fn node(&mut self, inode: u64) -> &mut Kind {
        &mut self.nodes[self.by_inode[&inode]]
    }

    fn file(&mut self, inode: u64) -> &mut Node<Vec<u8>, Edit> {
        match self.node(inode) {
            Kind::File(file) => file,
            Kind::Directory(_) => panic!("a directory is written to"),
        }
    }

    fn names(&mut self, inode: u64) -> &mut Node<Names, Move> {
        match self.node(inode) {
            Kind::Directory(names) => names,
            Kind::File(_) => panic!("a file has names in it"),
        }
    }

    /// All files by their path, and directories with a slash at the end, as they are found after the power is back.
    /// Without `SQLite`'s shared memory, which is mapped and not written, and made anew by whoever comes first.
    pub(crate) fn after(&self, unsynced: Unsynced) -> BTreeMap<String, Vec<u8>> {
        let mut random = match unsynced {
            Unsynced::Some(seed) => Some(Random::new(seed)),
            _ => None,
        };
        let mut found = BTreeMap::new();
        if !self.nodes.is_empty() {
            self.find(0, "", (unsynced, &mut random), &mut found);
        }
        found
    }

    fn find(
        &self,
        node: usize,
        path: &str,
        (unsynced, random): (Unsynced, &mut Option<Random>),
        found: &mut BTreeMap<String, Vec<u8>>,
    ) {
        match &self.nodes[node] {
            Kind::File(_) if path.ends_with("-shm") => {}
            Kind::File(file) => {
                let bytes = match unsynced {
                    Unsynced::Kept => file.now.clone(),
                    Unsynced::Lost | Unsynced::NamesKept => file.durable.clone(),
                    Unsynced::Some(_) => some_bytes(file, random.as_mut().unwrap()),
                };
                found.insert(path.to_owned(), bytes);
            }
            Kind::Directory(directory) => {
                let names = match unsynced {
                    Unsynced::Kept | Unsynced::NamesKept => directory.now.clone(),
                    Unsynced::Lost => directory.durable.clone(),
                    Unsynced::Some(_) => some_names(directory, random.as_mut().unwrap()),
                };
                if !path.is_empty() {
                    found.insert(format!("{path}/"), Vec::new());
                }
                for (name, node) in names {
                    let slash = if path.is_empty() { "" } else { "/" };
                    let path = format!("{path}{slash}{name}");
                    self.find(node, &path, (unsynced, random), found);
                }
            }
        }
    }
}

fn some_bytes(file: &Node<Vec<u8>, Edit>, random: &mut Random) -> Vec<u8> {
    let mut bytes = file.durable.clone();
    for change in &file.since {
        match (draw(random, 4), change) {
            (0, Edit::Write(at, part)) if part.len() > SECTOR => {
                let sectors = 1 + draw(random, part.len() / SECTOR);
                let torn = part[..part.len().min(sectors * SECTOR)].to_owned();
                edit(&mut bytes, &Edit::Write(*at, torn));
            }
            (0 | 1, _) => {}
            _ => edit(&mut bytes, change),
        }
    }
    bytes
}

fn some_names(directory: &Node<Names, Move>, random: &mut Random) -> Names {
    let mut names = directory.durable.clone();
    for change in &directory.since {
        if draw(random, 2) == 1 {
            rename(&mut names, change);
        }
    }
    names
}

fn draw(random: &mut Random, below: usize) -> usize {
    usize::try_from(random.random() % below as u128).unwrap()
}

/// Puts these files into an empty folder.
pub(crate) fn write(files: &BTreeMap<String, Vec<u8>>, folder: &Path) {
    for (path, bytes) in files {
        match path.strip_suffix('/') {
            Some(directory) => fs::create_dir(folder.join(directory)).unwrap(),
            None => fs::write(folder.join(path), bytes).unwrap(),
        }
    }
}

/// All files of a folder, in the form of [`Disk::after`].
pub(crate) fn read(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    read_below(folder, "", &mut files);
    files
}

fn read_below(folder: &Path, path: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.insert(format!("{path}{name}/"), Vec::new());
            read_below(&entry.path(), &format!("{path}{name}/"), files);
        } else if !name.ends_with("-shm") {
            files.insert(format!("{path}{name}"), fs::read(entry.path()).unwrap());
        }
    }
}
