use super::*;
use icecore::{Key, Seq};

const ADA: u64 = 1;
const BO: u64 = 2;

/// A chat to which updates are applied by hand.
#[derive(Default)]
struct Table {
    state: State,
    seq: u64,
}

impl Table {
    fn add(&mut self, author: u64, update: &Update) -> Result<(), Rejected> {
        self.seq += 1;
        let meta = Meta {
            author: Author::from_parts(author, 0),
            seq: Seq::new(self.seq).unwrap(),
            key: Key::new(self.seq).unwrap(),
            at: "2026-11-20T12:00:00.000Z",
        };
        let (kind, data) = message::encode(update).unwrap();
        let update = Chat.decode(&kind, &data).unwrap();
        Chat.apply(&mut self.state, update, &meta)
    }

    fn said(&self) -> Vec<(String, &str)> {
        let messages = self.state.messages.iter();
        messages.map(|m| (m.by(), m.text.as_str())).collect()
    }
}

#[test]
fn a_message_keeps_the_name_under_which_it_was_said() {
    let mut table = Table::default();
    table.add(ADA, &Update::name("ada")).unwrap();
    table.add(ADA, &Update::Join).unwrap();
    table.add(ADA, &Update::say("hi")).unwrap();
    table.add(BO, &Update::say("who?")).unwrap();
    table.add(ADA, &Update::name("ada_away")).unwrap();
    table.add(ADA, &Update::say("bye")).unwrap();
    table.add(ADA, &Update::Leave).unwrap();

    let bo = Author::from_parts(BO, 0);
    let nameless = bo.to_string()[24..].to_owned();
    let said = [
        ("ada".to_owned(), "hi"),
        (nameless.clone(), "who?"),
        ("ada_away".to_owned(), "bye"),
    ];
    assert_eq!(table.said(), said);
    let ada = &table.state.members[&Author::from_parts(ADA, 0)];
    assert_eq!((ada.name.as_deref(), ada.joined), (Some("ada_away"), false));
    assert_eq!(table.state.name_of(bo), nameless);
}

#[test]
fn what_is_wrong_is_rejected_and_leaves_no_trace() {
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    let png = |png: &str| Update::Picture {
        png: png.to_owned(),
    };
    for (update, reason) in [
        (Update::say(" \n"), "say.text is empty"),
        (
            Update::say(long),
            "say.text has 8193 bytes, at most 8192 are allowed",
        ),
        (Update::name(""), "name.name is empty"),
        (
            Update::name(" ada"),
            "name.name begins or ends with a blank",
        ),
        (Update::name("a\u{7}b"), "name.name has a control character"),
        (
            Update::name("n".repeat(65)),
            "name.name has more than 64 characters",
        ),
        (png("%"), "picture.png is refused: it is not base64"),
        (
            png("R0lG"),
            "picture.png is refused: it does not begin as a PNG does",
        ),
        (
            png(&"A".repeat(PNG_BYTES_MAX * 2 + 4)),
            "picture.png is refused: it has more than 262144 bytes",
        ),
    ] {
        let mut table = Table::default();
        assert_eq!(table.add(ADA, &update).unwrap_err().to_string(), reason);
        assert_eq!(table.state, State::default(), "{reason}");
    }
    assert!(
        Table::default()
            .add(ADA, &Update::name("é".repeat(64)))
            .is_ok()
    );
}

#[test]
fn a_picture_is_known_by_its_size_and_digest() {
    // One pixel.
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let mut table = Table::default();
    table
        .add(
            ADA,
            &Update::Picture {
                png: png.to_owned(),
            },
        )
        .unwrap();
    let picture = table.state.members[&Author::from_parts(ADA, 0)]
        .picture
        .clone()
        .unwrap();
    assert_eq!((picture.width, picture.height, picture.bytes), (1, 1, 70));
    let bytes = BASE64.decode(png).unwrap();
    assert_eq!(
        Update::picture(&bytes),
        Update::Picture {
            png: png.to_owned()
        }
    );
}

#[test]
fn a_state_comes_back_from_its_json() {
    let mut table = Table::default();
    table.add(ADA, &Update::name("ada")).unwrap();
    table.add(ADA, &Update::say("hi")).unwrap();
    table.add(BO, &Update::Join).unwrap();
    let json = serde_json::to_string(&table.state).unwrap();
    let again: State = serde_json::from_str(&json).unwrap();
    assert_eq!(again, table.state);
    assert_eq!(
        json,
        format!(
            r#"{{"members":{{"{ada}":{{"joined":false,"name":"ada"}},"{bo}":{{"joined":true}}}},"messages":[{{"at":"2026-11-20T12:00:00.000Z","id":{{"author":"{ada}","seq":2}},"name":"ada","text":"hi"}}]}}"#,
            ada = Author::from_parts(ADA, 0),
            bo = Author::from_parts(BO, 0),
        )
    );
}
