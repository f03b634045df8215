use crate::World;
use icecore::{ErrorKind, Meta, Model, Order, RawValue, Rejected, Replica, message};
use icecore_example_chat::model::State;
use icecore_example_chat::update::Update;

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
    let picture = state.users[&ada.author().await.unwrap().into()]
        .picture
        .as_ref()
        .unwrap();
    assert_eq!((picture.width, picture.height, picture.bytes), (1, 1, 67));
    // The picture itself is in the history.
    let history = bo.history().await.unwrap();
    assert_eq!(history[0].update, Ok(Update::picture(PIXEL)));
    assert_eq!(world.seen_anew().await.unwrap(), *state);
}

/// The same on the command; on the server it is `a_picture_of_five_mebibytes_is_refused_with_what_to_do`.
#[tokio::test]
async fn a_picture_of_five_mebibytes_is_refused_by_the_command_with_what_to_do() {
    let world = World::new();
    drop(world.create("ada").await);
    let png = png_of_bytes(5 * 1024 * 1024);
    assert!(png.len() >= 5 * 1024 * 1024);
    let file = world.path("face.png");
    std::fs::write(&file, &png).unwrap();
    let error = crate::commands::refusal(&world, "ada", &["picture", &file]).await;
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let reason = format!(
        "{} KiB, at most 256 KiB are allowed",
        png.len().div_ceil(1024)
    );
    assert!(error.to_string().contains(&reason), "{error}");
    assert_eq!(error.object(), Some(file.as_str()));
    assert!(error.hint().unwrap().contains("512 x 512"), "{error}");
    // A program that does not look is stopped by the model, before anything is queued.
    let ada = world.open("ada").await;
    let error = ada.update(Update::picture(&png)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(ada.pending().await.unwrap(), 0);
    // The largest that is allowed fits into an update with room to spare.
    let png = png_of_bytes(255 * 1024);
    std::fs::write(&file, &png).unwrap();
    crate::commands::chat(&world, "ada", &["picture", &file])
        .await
        .unwrap();
    let state = world.seen_anew().await.unwrap();
    let picture = state
        .users
        .values()
        .next()
        .unwrap()
        .picture
        .clone()
        .unwrap();
    assert_eq!((picture.width, picture.bytes), (1_000, png.len() as u64));
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

/// A PNG of about so many bytes, as a camera makes one and no more packed than that: 1,000 pixels wide.
pub(crate) fn png_of_bytes(bytes: usize) -> Vec<u8> {
    const WIDTH: usize = 1_000;
    let height = bytes / (1 + 3 * WIDTH);
    let rows = (0..height).flat_map(|y| {
        let pixels = (0..3 * WIDTH).map(move |x| u8::try_from((x * 7 + y * 13) % 251).unwrap());
        std::iter::once(0).chain(pixels)
    });
    let rows: Vec<u8> = rows.collect();
    let mut packed = vec![0x78, 0x01];
    let blocks = rows.chunks(0xffff).count();
    for (n, block) in rows.chunks(0xffff).enumerate() {
        let len = u16::try_from(block.len()).unwrap();
        packed.push(u8::from(n + 1 == blocks));
        packed.extend(len.to_le_bytes());
        packed.extend((!len).to_le_bytes());
        packed.extend(block);
    }
    let (a, b) = rows.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    packed.extend((b << 16 | a).to_be_bytes());
    let side = |side: usize| u32::try_from(side).unwrap().to_be_bytes();
    let header = [&side(WIDTH)[..], &side(height), &[8, 2, 0, 0, 0]].concat();
    let parts = [
        chunk(b"IHDR", &header),
        chunk(b"IDAT", &packed),
        chunk(b"IEND", b""),
    ];
    [b"\x89PNG\r\n\x1a\n", parts.concat().as_slice()].concat()
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let table: Vec<u32> = (0..256_u32)
        .map(|n| (0..8).fold(n, |c, _| (c >> 1) ^ (0xEDB8_8320 & (c & 1).wrapping_neg())))
        .collect();
    let checked = [kind, data].concat();
    let crc = checked.iter().fold(!0_u32, |crc, byte| {
        table[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8)
    });
    let len = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&len[..], &checked, &(!crc).to_be_bytes()].concat()
}

/// A program that writes to the chat and checks nothing.
#[derive(Debug, Clone)]
pub(crate) struct Careless;

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

impl World {
    /// Opens a replica of that program.
    pub(crate) async fn careless(&self, replica: &str) -> Replica<Careless> {
        Replica::create(Careless, &self.place(replica), "chat", Order::Timestamp)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_broken_picture_of_somebody_else_is_listed_with_the_reason() {
    let world = World::new();
    let ada = world.create("ada").await;
    let bo = world.careless("bo").await;
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
