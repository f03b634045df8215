//! Reading a history in canonical order, and going on as it grows.

use crate::exit::Outcome;
use crate::output::json_line;
use icecore_core::update::UpdateParts;
use icecore_core::{
    Covered, Entry, Epoch, Generation, Key, Order, Result, SpaceName, Update, UpdateId,
};
use icecore_store::history::{Segments, whole};
use icecore_store::reader::Waited;
use icecore_store::{Reader, Store};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Takes an entry, and what holds it.
pub(crate) type Show<'a> = &'a mut dyn FnMut(&Entry, Held) -> Outcome;

/// A history that is read from its beginning and followed. Nothing is shown twice.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    store: &'a Store,
    space: &'a SpaceName,
    reader: Option<Reader>,
    order: Order,
    epoch: Epoch,
    /// The last segment that was shown.
    shown_to: Generation,
    /// What was shown, or was there before what is to be shown.
    shown: Covered,
}

impl<'a> Stream<'a> {
    /// Opens the history of a space.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub(crate) async fn open(store: &'a Store, space: &'a SpaceName) -> Result<Self> {
        let reader = Reader::open(store, space).await?;
        let (order, epoch) = (reader.info.order, reader.info.epoch);
        Ok(Self {
            store,
            space,
            reader: Some(reader),
            order,
            epoch,
            shown_to: Generation::ZERO,
            shown: Covered::default(),
        })
    }

    /// What decides the order.
    pub(crate) fn order(&self) -> Order {
        self.order
    }

    /// Whether the space is encrypted and not opened: its updates are shown as they are stored.
    pub(crate) fn is_locked(&self) -> bool {
        let reader = self.reader.as_ref();
        reader.is_some_and(|reader| reader.base.folded.content().is_locked())
    }

    /// The newest generation that is known.
    pub(crate) fn newest(&self) -> Generation {
        self.reader
            .as_ref()
            .map_or(Generation::ZERO, |reader| reader.base.generation)
    }

    /// Shows only what comes after a generation.
    pub(crate) fn skip_to(&mut self, generation: Generation) {
        self.shown_to = generation;
    }

    /// Whether the history begins with a state instead of with updates, as one line for a person.
    ///
    /// # Errors
    /// As [`Segments::next`].
    pub(crate) async fn begins(&self) -> Result<Option<String>> {
        let Some(reader) = &self.reader else {
            return Ok(None);
        };
        if self.shown_to > Generation::ZERO
            || self.newest() == Generation::ZERO
            || self.epoch.number() == 1
        {
            return Ok(None);
        }
        let first = Segments::after(self.store, &reader.info, Generation::ZERO)
            .await?
            .next()
            .await?;
        let base = first.and_then(|segment| segment.header.base);
        Ok(base.map(|base| {
            format!(
                "note: the history begins with a state that stands for {} earlier updates",
                base.count
            )
        }))
    }

    /// Shows what is known and was not shown yet: segments, then the tail.
    ///
    /// # Errors
    /// As [`Segments::next`], and what `show` returns.
    pub(crate) async fn next(&mut self, show: Show<'_>) -> Outcome {
        let Some(reader) = &self.reader else {
            return Ok(());
        };
        let info = reader.info.clone();
        let newest = reader.base.generation;
        if newest > self.shown_to {
            let mut segments = Segments::after(self.store, &info, self.shown_to).await?;
            // A segment that is newer than the reader would hold what the tail shows below.
            while self.shown_to < newest
                && let Some(segment) = segments.next().await?
            {
                for mut entry in segment.entries {
                    if self.shown.insert(entry.id) {
                        reader.open_entry(&mut entry);
                        show(&entry, Held::Segment(segment.header.segment))?;
                    }
                }
                self.shown_to = segment.header.segment;
            }
            whole(&info, self.shown_to, newest)?;
        }
        let tail = reader.tail_entries();
        // Also what was skipped: a new epoch shows its segments from the first again.
        self.shown.extend(&reader.base.covered);
        for mut entry in tail {
            if self.shown.insert(entry.id) {
                reader.open_entry(&mut entry);
                show(&entry, Held::Tail)?;
            }
        }
        Ok(())
    }

    /// Looks for what is new and shows it.
    ///
    /// # Errors
    /// As [`Reader::poll`] and [`Stream::next`].
    pub(crate) async fn poll(&mut self, show: Show<'_>) -> Outcome {
        let polled = if let Some(mut reader) = self.reader.take() {
            // A reader whose poll failed is not used again.
            let polled = reader.poll(Waited::AsDue).await?;
            self.reader = Some(reader);
            polled.changed()
        } else {
            self.reader = Some(Reader::open(self.store, self.space).await?);
            true
        };
        let Some(reader) = &self.reader else {
            return Ok(());
        };
        if reader.info.epoch != self.epoch {
            self.epoch = reader.info.epoch;
            self.shown_to = Generation::ZERO;
        }
        if polled {
            self.next(show).await
        } else {
            Ok(())
        }
    }
}

/// An update as `log` and `export` print it.
#[derive(Debug, Serialize)]
struct LogLine<'a> {
    #[serde(flatten)]
    id: UpdateId,
    key: Key,
    #[serde(flatten)]
    content: Content<'a>,
    #[serde(rename = "generation", skip_serializing_if = "Held::is_untold")]
    held: Held,
}

/// What holds an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// The segment of this generation.
    Segment(Generation),
    /// Its own object: it is not rolled up yet.
    Tail,
    /// The line does not tell.
    Untold,
}

impl Held {
    fn is_untold(&self) -> bool {
        *self == Self::Untold
    }
}

impl Serialize for Held {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Segment(generation) => generation.serialize(serializer),
            Self::Tail | Self::Untold => serializer.serialize_none(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Update {
        at: Cow<'a, str>,
        kind: Cow<'a, str>,
        data: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        resolves: Option<Cow<'a, str>>,
    },
    /// Not of the form of an update, or not in its usual spelling.
    Raw { raw: &'a Update },
}

impl<'a> Content<'a> {
    fn of(parts: UpdateParts<'a>) -> Self {
        Self::Update {
            at: parts.at,
            kind: parts.kind,
            data: parts.data,
            resolves: parts.resolves,
        }
    }
}

/// One line of a history as it was written, byte for byte: an update whose text is not the usual one stands there whole.
pub(crate) fn exact_line(entry: &Entry) -> Outcome<Vec<u8>> {
    let usual = match entry.update.parts() {
        Some(parts) => json_line(&Content::of(parts))?,
        None => Vec::new(),
    };
    if usual == entry.update.as_text().as_bytes() {
        return line(entry, Held::Untold);
    }
    json_line(&LogLine {
        id: entry.id,
        key: entry.key,
        content: Content::Raw { raw: &entry.update },
        held: Held::Untold,
    })
}

/// One line of a history.
pub(crate) fn line(entry: &Entry, held: Held) -> Outcome<Vec<u8>> {
    let content = match entry.update.parts() {
        Some(parts) => Content::of(parts),
        None => Content::Raw { raw: &entry.update },
    };
    json_line(&LogLine {
        id: entry.id,
        key: entry.key,
        content,
        held,
    })
}
