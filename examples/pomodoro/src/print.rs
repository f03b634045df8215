//! Text for people.

use crate::history::Dated;
use crate::kinds::call_of;
use crate::line::write_time;
use crate::session::refused_update;
use crate::state::Item;
use crate::view::View;
use icecore::Refused;
use std::fmt::{self, Write as _};

/// Backlogs with their items; a box per pomodoro: `[ ]` new, `[>]` at work, `[~]` at rest, `[x]` finished.
pub(crate) fn state(view: &View) -> String {
    let mut text = String::new();
    for backlog in &view.state().backlogs {
        append(
            &mut text,
            format_args!("{}  ({})\n", backlog.name, backlog.id),
        );
        for item in &backlog.items {
            append(
                &mut text,
                format_args!("  {}  ({})\n", item_text(view, item), item.id),
            );
        }
    }
    if text.is_empty() {
        text.push_str("nothing yet: add a backlog\n");
    }
    text
}

fn item_text(view: &View, item: &Item) -> String {
    let boxes = view.pomodoros(item).into_iter().map(|word| match word {
        "new" => "[ ]",
        "work" => "[>]",
        "rest" => "[~]",
        _ => "[x]",
    });
    let mut text = item.name.clone();
    for part in boxes {
        text.push(' ');
        text.push_str(part);
    }
    if item.interruptions > 0 {
        append(
            &mut text,
            format_args!(" {} interrupted", item.interruptions),
        );
    }
    if item.sealed {
        text.push_str(" done");
    }
    text
}

/// An update with its time, as the file has it.
pub(crate) fn dated((at, update): &Dated) -> String {
    format!("{} {}", write_time(*at), call_of(update))
}

/// An update that this device made and the others made impossible.
pub(crate) fn refused(refused: &Refused) -> String {
    // One that cannot be read is shown as it is.
    let update = refused_update(refused);
    let update = update.map_or_else(
        |_| refused.update.clone(),
        |update| call_of(&update).to_string(),
    );
    format!("{}  {update}: {}\n", refused.id, refused.reason)
}

fn append(text: &mut String, part: fmt::Arguments<'_>) {
    text.write_fmt(part)
        .expect("BUG: writing to a text cannot fail");
}
