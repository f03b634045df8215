//! What holds for every history, on random ones over a few ids.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use icecore_example_pomodoro::history::{self, Dated, History};
use icecore_example_pomodoro::model::apply;
use icecore_example_pomodoro::span::Span;
use icecore_example_pomodoro::state::State;
use icecore_example_pomodoro::update::{PomodoroType, Update};
use icecore_example_pomodoro::view::view;
use proptest::prelude::*;

fn id() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()])
}

fn any_type() -> impl Strategy<Value = PomodoroType> {
    prop::sample::select(vec![PomodoroType::Normal, PomodoroType::Tracker])
}

fn any_update() -> impl Strategy<Value = Update> {
    let span = |seconds: &[u32]| {
        let spans: Vec<_> = seconds
            .iter()
            .map(|s| Some(Span::from_seconds(*s)))
            .collect();
        prop::sample::select(spans)
    };
    prop_oneof![
        2 => (id(), ".*").prop_map(|(id, name)| Update::CreateBacklog { id, name }),
        1 => id().prop_map(|id| Update::DeleteBacklog { id }),
        1 => (id(), 0_usize..3).prop_map(|(id, index)| Update::ReorderBacklog { id, index }),
        4 => (id(), id(), ".*").prop_map(|(id, backlog, name)| Update::CreateWorkitem { id, backlog, name }),
        1 => (id(), id()).prop_map(|(id, backlog)| Update::MoveWorkitem { id, backlog }),
        1 => id().prop_map(|id| Update::DeleteWorkitem { id }),
        2 => id().prop_map(|id| Update::CompleteWorkitem { id }),
        2 => id().prop_map(|id| Update::RestoreWorkitem { id }),
        4 => (id(), 0_u32..3, any_type()).prop_map(|(item, count, r#type)| Update::AddPomodoro { item, count, r#type }),
        1 => (id(), 1_u32..3).prop_map(|(item, count)| Update::RemovePomodoro { item, count }),
        6 => (id(), span(&[5, 25]), span(&[0, 5])).prop_map(|(item, work, rest)| Update::StartTimer { item, work, rest }),
        3 => id().prop_map(|item| Update::StartTimer { item, work: None, rest: None }),
        3 => Just(Update::StopTimer),
        2 => id().prop_map(|item| Update::AddInterruption { item, reason: String::new(), duration: None }),
        1 => (id(), id()).prop_map(|(id, parent)| Update::CreateCategory { id, parent: "#".to_owned() + &parent, name: String::new() }),
        1 => (id(), id()).prop_map(|(id, add)| Update::UpdateWorkitemCategories { id, remove: String::new(), add }),
    ]
}

/// What of random attempts was possible, each some seconds after the one before.
fn possible(attempts: Vec<(i64, Update)>) -> (Vec<Dated>, State) {
    let user = Update::CreateUser {
        identity: "u@local.host".to_owned(),
        name: "U".to_owned(),
    };
    let (mut state, mut done, mut now) = (State::default(), Vec::new(), 1_781_096_400_000);
    for (seconds, update) in std::iter::once((0, user)).chain(attempts) {
        now += seconds * 1_000;
        let before = state.clone();
        match apply(&mut state, update.clone(), now) {
            Ok(()) => done.push((now, update)),
            // An update that is refused leaves everything as it was, a timer that is over included.
            Err(_) => assert_eq!(state, before),
        }
    }
    (done, state)
}

proptest! {
    #[test]
    fn looking_changes_nothing(attempts in prop::collection::vec((0_i64..12, any_update()), 0..60), later in 0_i64..100_000) {
        let (updates, whole) = possible(attempts);
        let mut settled_often = State::default();
        let mut before = whole.last;
        for dated in &updates {
            for at in (before..=dated.0).step_by(1_000) {
                settled_often.settle(at);
                let once = settled_often.clone();
                prop_assert!(settled_often.settle(at).is_none());
                prop_assert_eq!(&once, &settled_often);
            }
            history::fold_onto(&mut settled_often, [dated]).unwrap();
            before = dated.0;
        }
        prop_assert_eq!(&settled_often, &whole);
        prop_assert_eq!(&history::fold(&updates).unwrap(), &whole);

        // However late somebody looks, through however many other looks: the same is seen.
        let at = whole.last + later;
        let through = view(view(&whole, whole.last + later / 2).state(), at);
        prop_assert_eq!(view(&whole, at).to_json(), through.to_json());
    }

    #[test]
    fn the_file_and_the_json_hold_everything(attempts in prop::collection::vec((0_i64..12, any_update()), 0..60)) {
        let (updates, whole) = possible(attempts);
        let file = history::write(1, "u@local.host", &updates);
        let read = History::read(file.as_bytes()).unwrap();
        prop_assert_eq!(&read.updates, &updates);
        prop_assert_eq!(&read.state, &whole);
        let json = serde_json::to_string(&whole).unwrap();
        prop_assert_eq!(serde_json::from_str::<State>(&json).unwrap(), whole);
        for (_, update) in &updates {
            let (kind, data) = icecore::message::encode(update).unwrap();
            prop_assert_eq!(&icecore::message::decode::<Update>(&kind, &data).unwrap(), update);
        }
    }
}
