use crate::{World, texts};
use icecore_example_chat::model::Update;
use icecore_example_chat::presence::{Presence, say_connected, say_typing};

#[tokio::test]
async fn who_is_typing_is_seen_and_no_part_of_the_history() {
    let world = World::new();
    let (ada, bo) = (world.create("ada").await, world.create("bo").await);
    assert_eq!(Presence::look(&bo).await.unwrap(), Presence::default());
    say_connected(&ada).await.unwrap();
    say_typing(&ada).await.unwrap();
    say_connected(&bo).await.unwrap();
    let (a, b) = (ada.author().await.unwrap(), bo.author().await.unwrap());
    let seen = Presence::look(&bo).await.unwrap();
    assert_eq!(seen.typing.into_iter().collect::<Vec<_>>(), [a]);
    assert!(seen.connected.contains(&a) && seen.connected.contains(&b));

    ada.update(Update::say("done")).await.unwrap();
    ada.sync().await.unwrap();
    bo.sync().await.unwrap();
    assert_eq!(bo.history().await.unwrap().len(), 1);
    let state = world.seen_anew().await.unwrap();
    assert_eq!(texts(&state), ["done"]);
    assert!(state.members.contains_key(&a) && !state.members.contains_key(&b));
}
