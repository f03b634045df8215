//! Which models a program knows, by name.

use super::document::Document;
use super::log::Log;
use super::{AnyModel, Model};
use crate::error::{Error, Result};
use crate::space::ModelRef;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

type Open = Arc<dyn Fn(&Value) -> Result<Arc<dyn AnyModel>> + Send + Sync>;

/// The models that a program can fold, by the name that `space.json` gives.
///
/// ```
/// use icecore_core::Registry;
/// let registry = Registry::built_in();
/// assert!(registry.names().any(|name| name == "document"));
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    models: BTreeMap<String, Open>,
}

impl Registry {
    /// Knows `document` and `log`.
    pub fn built_in() -> Self {
        let mut registry = Self::default();
        registry.register("document", |settings| {
            Ok(Arc::new(Document::from_settings(settings)?))
        });
        registry.register("log", |_| Ok(Arc::new(Log)));
        registry
    }

    /// Adds a model that needs no settings.
    #[must_use]
    pub fn with<M: Model + Clone>(mut self, model: M) -> Self {
        self.register(Model::name(&model), move |_| Ok(Arc::new(model.clone())));
        self
    }

    /// Adds a model that is made from the settings in `space.json`.
    pub fn register(
        &mut self,
        name: &str,
        open: impl Fn(&Value) -> Result<Arc<dyn AnyModel>> + Send + Sync + 'static,
    ) {
        self.models.insert(name.to_owned(), Arc::new(open));
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(String::as_str)
    }

    /// Whether there is a model of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.models.contains_key(name)
    }

    /// Opens the model that a space names.
    ///
    /// # Errors
    /// `Invalid` when this program does not know the model, or not these settings.
    pub fn open(&self, model: &ModelRef) -> Result<Arc<dyn AnyModel>> {
        let open = self.models.get(&model.name).ok_or_else(|| {
            let known: Vec<&str> = self.names().collect();
            Error::invalid(format!(
                "this program does not know the model `{}`",
                model.name
            ))
            .with_hint(format!(
                "it knows: {}; use the program that the space was made with",
                known.join(", ")
            ))
        })?;
        open(&model.settings)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.models.keys()).finish()
    }
}
