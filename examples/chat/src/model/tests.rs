use super::*;
use crate::png::PNG_BYTES_MAX;
use crate::update::TEXT_BYTES_MAX;
use icecore::{Author, Key, Seq};

const ADA: u64 = 1;
const BO: u64 = 2;

fn user(author: u64) -> UserId {
    Author::from_parts(author, 0).into()
}

fn trip() -> ConversationId {
    "trip".parse().unwrap()
}

fn png(png: &str) -> Update {
    Update::Picture {
        png: png.to_owned(),
        stamp: crate::update::Stamp::default(),
    }
}

/// A chat to which updates are applied by hand.
#[derive(Default)]
struct Table {
    state: State,
    seq: u64,
}

impl Table {
    fn add(&mut self, author: u64, update: &Update) -> Result<(), Rejected> {
        self.add_with(Key::new(self.seq + 1).unwrap(), author, update)
    }

    fn add_with(&mut self, key: Key, author: u64, update: &Update) -> Result<(), Rejected> {
        self.seq += 1;
        let meta = Meta {
            author: Author::from_parts(author, 0),
            seq: Seq::new(self.seq).unwrap(),
            key,
            at: "2026-11-20T12:00:00.000Z",
        };
        let (kind, data) = message::encode(update).unwrap();
        let update = Chat.decode(&kind, &data).unwrap();
        Chat.apply(&mut self.state, update, &meta)
    }

    fn said(&self) -> Vec<(String, &str)> {
        let messages = self.state.messages();
        messages.map(|m| (m.by(), m.text.as_str())).collect()
    }
}

#[test]
fn a_message_keeps_the_name_under_which_it_was_said() {
    let mut table = Table::default();
    table.add(ADA, &Update::name("ada")).unwrap();
    table
        .add(ADA, &Update::join(ConversationId::default()))
        .unwrap();
    table.add(ADA, &Update::say("hi")).unwrap();
    table.add(BO, &Update::say("who?")).unwrap();
    table.add(ADA, &Update::name("ada_away")).unwrap();
    table.add(ADA, &Update::say("bye")).unwrap();
    table
        .add(ADA, &Update::leave(ConversationId::default()))
        .unwrap();

    let bo = user(BO);
    let nameless = bo.to_string()[24..].to_owned();
    let said = [
        ("ada".to_owned(), "hi"),
        (nameless.clone(), "who?"),
        ("ada_away".to_owned(), "bye"),
    ];
    assert_eq!(table.said(), said);
    let ada = &table.state.users[&user(ADA)];
    assert_eq!(ada.name.as_deref(), Some("ada_away"));
    let members = &table.state.conversations[&ConversationId::default()].members;
    assert_eq!(members.get(&user(ADA)), Some(&false));
    assert_eq!(table.state.name_of(&bo), nameless);
}

#[test]
fn what_is_wrong_is_rejected_and_leaves_no_trace() {
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
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
        (Update::rename(trip(), " "), "rename.name is empty"),
        (png("%"), "picture.png is refused: it is not base64"),
        (
            png("R0lG"),
            "picture.png is refused: it does not begin as a PNG does",
        ),
        (
            png(&"A".repeat(PNG_BYTES_MAX * 2 + 4)),
            "picture.png is refused: it has more than 256 KiB",
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
    const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let mut table = Table::default();
    table.add(ADA, &png(PIXEL)).unwrap();
    let picture = table.state.users[&user(ADA)].picture.clone().unwrap();
    assert_eq!((picture.width, picture.height, picture.bytes), (1, 1, 70));
    let bytes = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .decode(PIXEL)
            .unwrap()
    };
    assert_eq!(Update::picture(&bytes), png(PIXEL));
}

#[test]
fn a_state_comes_back_from_its_json() {
    let mut table = Table::default();
    table.add(ADA, &Update::name("ada")).unwrap();
    table.add(ADA, &Update::say("hi")).unwrap();
    table
        .add(BO, &Update::join(ConversationId::default()))
        .unwrap();
    let json = serde_json::to_string(&table.state).unwrap();
    let again: State = serde_json::from_str(&json).unwrap();
    assert_eq!(again, table.state);
    // What is left out is what it mostly is.
    assert_eq!(
        json,
        format!(
            r#"{{"conversations":{{"{first}":{{"members":{{"{bo}":true}},"messages":[{{"at":"2026-11-20T12:00:00.000Z","id":{{"author":"{ada}","seq":2}},"name":"ada","text":"hi"}}]}}}},"users":{{"{ada}":{{"name":"ada"}},"{bo}":{{}}}}}}"#,
            first = ConversationId::default(),
            ada = user(ADA),
            bo = user(BO),
        )
    );
}

#[test]
fn conversations_have_names_members_and_messages_of_their_own() {
    let mut table = Table::default();
    table.add(ADA, &Update::say("here")).unwrap();
    table.add(ADA, &Update::rename(trip(), "Trip")).unwrap();
    table.add(ADA, &Update::join(trip())).unwrap();
    table.add(BO, &Update::say_in(trip(), "there")).unwrap();
    table.add(BO, &Update::rename(trip(), "The trip")).unwrap();
    let state = &table.state;
    assert_eq!(state.messages_in(&ConversationId::default()).len(), 1);
    assert_eq!(state.messages_in(&trip())[0].text, "there");
    assert_eq!(state.title_of(&trip()), Some("The trip"));
    let trip = &state.conversations[&trip()];
    let named = Named {
        at: "2026-11-20T12:00:00.000Z".to_owned(),
        by: user(BO),
        name: "The trip".to_owned(),
    };
    assert_eq!(trip.named, Some(named));
    assert_eq!(
        trip.members.iter().collect::<Vec<_>>(),
        [(&user(ADA), &true)]
    );
}

#[test]
fn a_message_is_sending_then_sent_then_read() {
    let mut table = Table::default();
    table.add_with(Key::MAX, ADA, &Update::say("hi")).unwrap();
    let message = table.state.messages().next().unwrap().clone();
    assert_eq!(table.state.progress_of(&message), Progress::Sending);

    // The receipt may be there before the message, and its author's own counts as none.
    let mut table = Table::default();
    table.add(BO, &Update::read(message.event())).unwrap();
    table.seq = 0;
    table.add(ADA, &Update::say("hi")).unwrap();
    let read = table.state.messages().next().unwrap();
    assert_eq!((read.event(), read.sending), (message.event(), false));
    assert_eq!(
        table.state.progress_of(read),
        Progress::Read(vec![&user(BO)])
    );
    let alone = State {
        reads: BTreeMap::new(),
        ..table.state.clone()
    };
    assert_eq!(alone.progress_of(read), Progress::Sent);
    assert_eq!(
        alone.unread(&ConversationId::default(), &user(BO)),
        [read.event()]
    );
    assert_eq!(alone.unread(&ConversationId::default(), &user(ADA)), []);
    assert_eq!(
        table.state.unread(&ConversationId::default(), &user(BO)),
        []
    );
    table.add(ADA, &Update::read(message.event())).unwrap();
    let read = table.state.messages().next().unwrap();
    assert_eq!(
        table.state.progress_of(read),
        Progress::Read(vec![&user(BO)])
    );
}

/// Two servers were sent the same events, because the first did not answer.
#[test]
fn what_a_client_called_the_same_is_one_event() {
    let called = |update: Update, by: &str, as_: &str| {
        let update = update.by(Some(by.parse().unwrap()));
        update.called(Some(as_.parse().unwrap()))
    };
    let mut table = Table::default();
    for server in [ADA, BO] {
        for update in [
            called(Update::say("one"), "u1", "t1"),
            called(Update::say("two"), "u2", "t1"),
            called(Update::name("U"), "u1", "t1"),
        ] {
            table.add(server, &update).unwrap();
        }
        table
            .add(server, &called(Update::name("V"), "u1", "t2"))
            .unwrap();
        let read = Update::read(EventId::of_message(
            &"u1".parse().unwrap(),
            &"t1".parse().unwrap(),
        ));
        table
            .add(server, &read.by(Some("u2".parse().unwrap())))
            .unwrap();
    }
    let said = [("u1".to_owned(), "one"), ("u2".to_owned(), "two")];
    assert_eq!(table.said(), said);
    // The name of the first server stays: what was sent again does not undo what came since.
    assert_eq!(table.state.name_of(&"u1".parse().unwrap()), "V");
    let one = &table.state.messages_in(&ConversationId::default())[0];
    let by = one.user();
    assert_eq!(
        one.event(),
        EventId::of_message(&by, &"t1".parse().unwrap())
    );
    assert_eq!(
        table.state.progress_of(one),
        Progress::Read(vec![&"u2".parse().unwrap()])
    );
    assert!(
        table
            .state
            .holds(&called(Update::say("x"), "u1", "t1"), one.event())
    );
    assert!(!table.state.holds(
        &called(Update::say("x"), "u1", "t9"),
        EventId::of_event(&by, &"t9".parse().unwrap())
    ));
}
