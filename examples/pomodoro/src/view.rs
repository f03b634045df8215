//! What a person sees at a given time: the state, with what the time alone made of it.

use crate::state::{Backlog, Item, Phase, State};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// The state at a time, in the order and the form in which it is printed: backlogs, their items, their pomodoros.
///
/// The pomodoro that runs is at `work` or at `rest`; whether it is over is computed from the time, so that a client that
/// was not there sees the same as one that was.
#[derive(Debug, Clone)]
pub struct View {
    state: State,
    at: i64,
}

/// The state as it is at a time, in milliseconds since 1970. Times before the state's last update make no sense: what
/// was, only the history knows.
pub fn view(state: &State, at: i64) -> View {
    let mut state = state.clone();
    let at = at.max(state.last);
    state.settle(at);
    View { state, at }
}

impl View {
    /// The settled state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The item on which something runs, and how far it got.
    pub fn running(&self) -> Option<(&Item, Phase)> {
        let timer = self.state.timer.as_ref()?;
        Some((self.state.item(&timer.item)?, timer.phase(self.at)))
    }

    /// The word for each pomodoro of an item: `new`, `work`, `rest` or `finished`.
    pub fn pomodoros(&self, item: &Item) -> Vec<&'static str> {
        let plain = |finished: bool| if finished { "finished" } else { "new" };
        let mut words: Vec<_> = item
            .pomodoros
            .iter()
            .map(|one| plain(one.finished))
            .collect();
        if let Some(timer) = self.state.timer_on(&item.id)
            && let Some(word) = words.get_mut(timer.pomodoro)
        {
            *word = match timer.phase(self.at) {
                Phase::Work | Phase::Tracking => "work",
                Phase::Rest | Phase::LongBreak => "rest",
                Phase::Over => "finished",
            };
        }
        words
    }

    /// The JSON of it, indented by one space, without a newline at its end.
    ///
    /// # Panics
    /// Never: maps with text as keys always have a form as JSON.
    pub fn to_json(&self) -> String {
        let mut json = Vec::new();
        let form = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut json, form);
        self.serialize(&mut serializer)
            .expect("BUG: a view is plain maps and lists");
        String::from_utf8(json).expect("BUG: JSON is UTF-8")
    }
}

impl Serialize for View {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let backlogs = &self.state.backlogs;
        let mut map = serializer.serialize_map(Some(backlogs.len()))?;
        for backlog in backlogs {
            let items = Items {
                view: self,
                backlog,
            };
            map.serialize_entry(
                &backlog.id,
                &BacklogJson {
                    name: &backlog.name,
                    items,
                },
            )?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct BacklogJson<'a> {
    name: &'a str,
    items: Items<'a>,
}

struct Items<'a> {
    view: &'a View,
    backlog: &'a Backlog,
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let items = &self.backlog.items;
        let mut map = serializer.serialize_map(Some(items.len()))?;
        for item in items {
            map.serialize_entry(&item.id, &ItemJson::new(self.view, item))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct ItemJson<'a> {
    name: &'a str,
    sealed: bool,
    pomodoros: Vec<&'static str>,
    types: Vec<&'static str>,
    interruptions: u32,
    intervals: u32,
}

impl<'a> ItemJson<'a> {
    fn new(view: &View, item: &'a Item) -> Self {
        Self {
            name: &item.name,
            sealed: item.sealed,
            pomodoros: view.pomodoros(item),
            types: item.pomodoros.iter().map(|one| one.r#type.word()).collect(),
            interruptions: item.interruptions,
            intervals: item.intervals,
        }
    }
}
