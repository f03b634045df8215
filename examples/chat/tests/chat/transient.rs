use crate::{World, texts};
use icecore_example_chat::id::{ConversationId, UserId};
use icecore_example_chat::presence::{Presence, say_connected, say_typing};
use icecore_example_chat::update::Update;

#[tokio::test]
async fn who_is_typing_is_seen_and_no_part_of_the_history() {
    let world = World::new();
    let (ada, bo) = (world.create("ada").await, world.create("bo").await);
    assert_eq!(Presence::look(&bo).await.unwrap(), Presence::default());
    let trip: ConversationId = "trip".parse().unwrap();
    say_connected(&ada, None).await.unwrap();
    say_typing(&ada, trip.clone(), None).await.unwrap();
    say_connected(&bo, Some("moss".parse().unwrap()))
        .await
        .unwrap();
    let a = UserId::from(ada.author().await.unwrap());
    let b: UserId = "moss".parse().unwrap();
    let seen = Presence::look(&bo).await.unwrap();
    assert_eq!(
        seen.typing.into_iter().collect::<Vec<_>>(),
        [(a.clone(), trip)]
    );
    assert!(seen.connected.contains(&a) && seen.connected.contains(&b));

    ada.update(Update::say("done")).await.unwrap();
    ada.sync().await.unwrap();
    bo.sync().await.unwrap();
    assert_eq!(bo.history().await.unwrap().len(), 1);
    let state = world.seen_anew().await.unwrap();
    assert_eq!(texts(&state), ["done"]);
    assert!(state.users.contains_key(&a) && !state.users.contains_key(&b));
}
