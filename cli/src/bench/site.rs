//! Where a benchmark takes place: a store in memory, in a folder or at a URL, with its requests counted.

use crate::context::Context;
use icecore_core::{Error, ModelRef, Order, Result, SpaceInfo, SpaceName};
use icecore_store::backend::{self, Backend, Metered};
use icecore_store::{Clock, Store};
use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A store of its own for one benchmark.
#[derive(Debug)]
pub(super) struct Site {
    /// `memory`, `folder`, `s3` …
    pub(super) name: String,
    pub(super) backend: Backend,
    pub(super) metered: Metered,
    pub(super) store: Store,
}

impl Site {
    /// A new store in the memory of this process.
    pub(super) async fn in_memory(context: &Context) -> Result<Self> {
        Self::open("memory:///", context, &context.clock).await
    }

    /// A new store in a folder.
    pub(super) async fn in_folder(folder: &Path, context: &Context) -> Result<Self> {
        Self::open(&folder.display().to_string(), context, &context.clock).await
    }

    /// Any store, created where it is missing.
    pub(super) async fn open(url: &str, context: &Context, clock: &Arc<dyn Clock>) -> Result<Self> {
        Self::open_as(url, context.environment.clone(), context, clock).await
    }

    /// The same with these variables in place of the environment's.
    pub(super) async fn open_as(
        url: &str,
        environment: BTreeMap<String, String>,
        context: &Context,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self> {
        let mut backend = backend::open(url, environment.into_iter(), Arc::clone(clock))?;
        backend.prepare().await?;
        let metered = Metered::new(Arc::clone(&backend.store), backend.prefix.clone());
        backend.store = Arc::new(metered.clone());
        let store = Store::new(&backend, Arc::clone(clock), Arc::clone(&context.ids));
        store.create().await?;
        Ok(Self {
            name: backend.kind.to_string(),
            backend,
            metered,
            store,
        })
    }

    /// The same bucket behind something else.
    pub(super) fn behind(&self, objects: impl ObjectStore, clock: &Arc<dyn Clock>) -> Store {
        let mut backend = self.backend.clone();
        backend.store = Arc::new(objects);
        Store::new(&backend, Arc::clone(clock), Arc::clone(&self.store.ids))
    }

    /// Where an object of the store lies in the bucket.
    pub(super) fn path(&self, key: &str) -> ObjectPath {
        let key = ObjectPath::from(key);
        self.backend.prefix.parts().chain(key.parts()).collect()
    }

    /// A new space of documents.
    pub(super) async fn space(&self) -> Result<SpaceInfo> {
        let name: SpaceName = format!("bench-{:08x}", self.store.ids.random() >> 96).parse()?;
        self.store
            .create_space(&name, ModelRef::named("document"), Order::Timestamp)
            .await
    }
}

/// A folder that goes with this value.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    pub(super) fn new(context: &Context) -> Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("icecore-bench-{:08x}", context.ids.random() >> 96));
        std::fs::create_dir_all(&folder).map_err(|e| cannot("create", &folder, e))?;
        Ok(Self { folder })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It lies in the temporary folder: whatever stays goes with that.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// The error for a file of a benchmark.
pub(super) fn cannot(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::denied(format!("cannot {what} a file of the benchmark"))
        .with_object(path.display().to_string())
        .with_source(error)
}
