use crate::World;
use icecore::{ErrorKind, Meta, Model, Order, RawValue, Rejected, Replica, message};
use icecore_example_chat::model::{State, Update};

/// A picture of one pixel, 67 bytes.
pub(crate) const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\
    \0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\x0aIDAT\x78\x9c\x63\0\x01\0\0\x05\0\x01\x0d\x0a\x2d\xb4\
    \0\0\0\0IEND\xae\x42\x60\x82";

#[tokio::test]
async fn a_picture_of_one_pixel_goes_through() {
    let world = World::new();
    let (ada, bo) = (world.create("ada").await, world.create("bo").await);
    ada.update(Update::picture(PIXEL)).await.unwrap();
    ada.sync().await.unwrap();
    bo.sync().await.unwrap();
    let state = bo.state();
    let picture = state.members[&ada.author().await.unwrap()]
        .picture
        .as_ref()
        .unwrap();
    assert_eq!((picture.width, picture.height, picture.bytes), (1, 1, 67));
    // The picture itself is in the history.
    let history = bo.history().await.unwrap();
    assert_eq!(history[0].update, Ok(Update::picture(PIXEL)));
    assert_eq!(world.seen_anew().await.unwrap(), *state);
}

#[tokio::test]
async fn a_broken_picture_is_not_even_queued() {
    let world = World::new();
    let ada = world.create("ada").await;
    let error = ada.update(Update::picture(&PIXEL[..40])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "picture.png is refused: it ends in the middle"
    );
    assert_eq!(ada.pending().await.unwrap(), 0);
    assert_eq!(world.seen_anew().await.unwrap(), State::default());
}

/// A program that writes to the chat and checks nothing.
#[derive(Debug, Clone)]
struct Careless;

impl Model for Careless {
    type State = ();
    type Update = Update;

    fn name(&self) -> &'static str {
        "chat"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) {}

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Update, Rejected> {
        message::decode(kind, data)
    }

    fn apply(&self, (): &mut (), _: Update, _: &Meta<'_>) -> Result<(), Rejected> {
        Ok(())
    }
}

#[tokio::test]
async fn a_broken_picture_of_somebody_else_is_listed_with_the_reason() {
    let world = World::new();
    let ada = world.create("ada").await;
    let bo = Replica::create(Careless, &world.place("bo"), "chat", Order::Timestamp)
        .await
        .unwrap();
    let broken = bo.update(Update::picture(b"GIF89a")).await.unwrap();
    bo.update(Update::say("see?")).await.unwrap();
    bo.sync().await.unwrap();
    ada.sync().await.unwrap();
    let rejected = ada.rejected().await.unwrap();
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].id, broken);
    assert_eq!(
        rejected[0].reason.to_string(),
        "picture.png is refused: it does not begin as a PNG does"
    );
    assert_eq!(crate::texts(&ada.state()), ["see?"]);
    assert_eq!(world.seen_anew().await.unwrap(), *ada.state());
}
