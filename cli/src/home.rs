//! The folder of the local copy that nobody named: one per store, whatever address it is reached by.
//!
//! `replicas/<store id>` is the replica. `replicas/addresses/<digest>` says which store was found at an address, so that
//! the same folder is found offline. Where the store was never reached, the address stands for it, and as soon as its id
//! is known, what lies under the address goes there.

use icecore_core::{Digest, Error, Result, StoreId};
use icecore_replica::{Replica, takeover};
use icecore_store::{Backend, BackendKind, Store};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

/// As many as any system follows.
const LINKS_MAX: usize = 40;

/// What is known of the replicas of a user, and of the store that is asked for.
#[derive(Debug)]
pub(crate) struct Home {
    replicas: PathBuf,
    /// The canonical address of the store.
    address: String,
    /// The address as it was typed, under which older programs kept the replica.
    typed: String,
}

impl Home {
    pub(crate) fn new(
        data: &Path,
        backend: &Backend,
        environment: &BTreeMap<String, String>,
    ) -> Self {
        let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .iter()
            .find_map(|name| environment.get(*name))
            .map_or("", String::as_str);
        let of = |location: &str, endpoint: &str| format!("{} {location} {endpoint}", backend.kind);
        let address = match backend.kind {
            // The variables of S3 say nothing of a folder.
            BackendKind::Folder => of(&real_path(Path::new(backend.location())), ""),
            _ => of(
                backend.location().trim_end_matches('/'),
                endpoint.trim_end_matches('/'),
            ),
        };
        Self {
            replicas: data.join("replicas"),
            address,
            typed: of(backend.location(), endpoint),
        }
    }

    /// The store that was last found at this address.
    pub(crate) fn known(&self) -> Option<StoreId> {
        let text = fs::read_to_string(self.index()).ok()?;
        text.lines().next()?.parse().ok()
    }

    /// Keeps which store lies at this address.
    ///
    /// # Errors
    /// `Denied` when the folder cannot be written.
    pub(crate) fn keep(&self, id: StoreId) -> Result<()> {
        if self.known() == Some(id) {
            return Ok(());
        }
        let path = self.index();
        let partial = path.with_extension(format!("{}.part", std::process::id()));
        let text = format!("{id}\n{}\n", self.address);
        let written = fs::create_dir_all(self.replicas.join("addresses"))
            .and_then(|()| fs::File::create(&partial))
            .and_then(|mut file| {
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
            })
            .and_then(|()| fs::rename(&partial, &path));
        written.map_err(|e| cannot_write(&path, e))
    }

    /// The replica of a store.
    pub(crate) fn of_store(&self, id: StoreId) -> PathBuf {
        self.replicas.join(id.to_string())
    }

    /// The replica of a store that was never reached.
    pub(crate) fn of_address(&self) -> PathBuf {
        self.replicas.join(name_of(&self.address))
    }

    fn index(&self) -> PathBuf {
        self.replicas.join("addresses").join(name_of(&self.address))
    }

    /// Brings what lies under an address to the replica of the store: the folder as it is, where nothing else is in it and
    /// the store has none yet; otherwise what waits in it.
    ///
    /// # Errors
    /// As [`Replica::take_over`], and `Denied` when the folder cannot be renamed.
    pub(crate) async fn take_over(&self, store: &Store, id: StoreId) -> Result<()> {
        let target = self.of_store(id);
        let typed = self.replicas.join(name_of(&self.typed));
        for old in [self.of_address(), typed] {
            if !old.join("replica.db").exists() {
                continue;
            }
            let is_ours = takeover::stores_in(&old)?.iter().all(|of| *of == id);
            if is_ours && !target.exists() && fs::rename(&old, &target).is_ok() {
                continue;
            }
            let target = Replica::open(store.clone(), &target)?;
            target.take_over(&old, id).await?;
        }
        Ok(())
    }
}

/// Short enough for any file system, long enough for the addresses of one user.
fn name_of(address: &str) -> String {
    let mut name = Digest::of(address.as_bytes()).to_string();
    name.truncate(16);
    name
}

fn cannot_write(path: &Path, error: std::io::Error) -> Error {
    Error::denied("the folder of the replicas cannot be written")
        .with_object(path.display().to_string())
        .with_hint(
            "check its permissions, or name another folder with --replica or ICECORE_REPLICA",
        )
        .with_source(error)
}

/// The path without links and detours, of which the end, or all of it, need not be there.
fn real_path(path: &Path) -> String {
    let mut links = 0;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest: Vec<OsString> = reversed(&absolute);
    let mut real = PathBuf::new();
    while let Some(next) = rest.pop() {
        match Path::new(&next).components().next() {
            Some(Component::CurDir) => continue,
            Some(Component::ParentDir) => {
                real.pop();
                continue;
            }
            _ => real.push(&next),
        }
        if links < LINKS_MAX
            && let Ok(leads_to) = fs::read_link(&real)
        {
            links += 1;
            real.pop();
            rest.extend(reversed(&leads_to));
        }
    }
    real.display().to_string()
}

fn reversed(path: &Path) -> Vec<OsString> {
    let parts = path.components().map(|part| part.as_os_str().to_owned());
    parts.rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn one_folder_has_one_path() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(root.join("disk")).unwrap();
        std::os::unix::fs::symlink("disk", root.join("link")).unwrap();
        // The store of this one is not mounted: the link leads nowhere.
        std::os::unix::fs::symlink(root.join("away/store"), root.join("store")).unwrap();
        let real = |path: &str| real_path(&root.join(path));
        let is = |path: &str| root.join(path).display().to_string();
        for spelling in [
            "disk/a",
            "disk//a/",
            "./disk/./a",
            "disk/b/../a",
            "link/a",
            "link/../disk/a",
        ] {
            assert_eq!(real(spelling), is("disk/a"), "{spelling}");
        }
        assert_eq!(real("store"), is("away/store"));
        std::os::unix::fs::symlink("round", root.join("round")).unwrap();
        assert_eq!(real("round/a"), is("round/a"));
    }
}
