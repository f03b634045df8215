//! A small model for the examples of this crate's pages, and for trying things out: tasks with titles.

use icecore_core::model::message;
use icecore_core::{Meta, Model, Rejected, Violation};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The state: titles by number.
pub type Tasks = BTreeMap<u32, String>;

/// What can happen to the tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Msg {
    /// There is a task of this number.
    Add {
        /// Its number.
        id: u32,
        /// Its title.
        title: String,
    },
    /// A task is called something else.
    Rename {
        /// Its number.
        id: u32,
        /// Its title from now on.
        title: String,
    },
}

/// The model: a message changes the tasks, and no two of them should have one title.
#[derive(Debug, Clone, Copy, Default)]
pub struct Todo;

impl Model for Todo {
    type State = Tasks;
    type Update = Msg;

    fn name(&self) -> &'static str {
        "todo"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads_key(&self) -> bool {
        false
    }

    fn initial(&self) -> Tasks {
        Tasks::new()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
        message::decode(kind, data)
    }

    fn apply(&self, tasks: &mut Tasks, msg: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
        match msg {
            Msg::Add { id, title } => drop(tasks.insert(id, title)),
            Msg::Rename { id, title } => match tasks.get_mut(&id) {
                Some(task) => *task = title,
                None => return Err(Rejected::new(format!("there is no task {id}"))),
            },
        }
        Ok(())
    }

    fn check(&self, tasks: &Tasks) -> Vec<Violation> {
        let mut titled: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (id, title) in tasks {
            titled.entry(title).or_default().push(format!("/{id}"));
        }
        titled.retain(|_, paths| paths.len() > 1);
        let violation = |(title, paths): (&str, Vec<String>)| Violation {
            rule: "one-title".to_owned(),
            reason: format!("{} tasks are called {title:?}", paths.len()).into(),
            paths,
        };
        titled.into_iter().map(violation).collect()
    }
}
