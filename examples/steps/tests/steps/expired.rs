//! Sessions that have expired: their token is good no more, and what they recorded is.

use crate::home::Home;
use crate::support::verify;
use icecore::ErrorKind;
use icecore_example_steps::account::Token;
use icecore_example_steps::{Device, Message, Sport, Whose};
use icecore_gateway::token::Right;
use std::collections::BTreeSet;

fn name(name: &str) -> Message {
    Message::SetName {
        name: name.to_owned(),
    }
}

/// The gateway says no, the device says why and what to do, and everything waits.
async fn refused(device: &Device, waiting: usize) {
    for _ in 0..2 {
        let expired = device.sync().await.unwrap_err();
        assert_eq!(expired.kind(), ErrorKind::Denied, "{expired}");
        assert!(
            expired.to_string().contains("the token expired"),
            "{expired}"
        );
        let hint = expired.hint().unwrap();
        assert!(hint.contains("`steps renew`"), "{hint}");
        assert_eq!(device.replica().pending().await.unwrap(), waiting);
    }
}

/// The same device, when its tokens have expired.
async fn reopened(home: &Home, phone: Device) -> Device {
    drop(phone);
    home.expired("phone").await
}

#[tokio::test]
async fn what_an_expired_session_recorded_waits_and_arrives_once_with_a_fresh_token() {
    let home = Home::open().await;
    let mut phone = home.guest("phone").await;
    phone.add(10, None).await.unwrap();
    phone.sync().await.unwrap();
    let guest = phone.owner().clone();
    phone.add(100, None).await.unwrap();
    phone.activity((Sport::Run, 30), None).await.unwrap();
    phone.set(name("Ada")).await.unwrap();

    // Another session of the guest, with another token, goes on.
    let phone = reopened(&home, phone).await;
    let expired = phone.owner().token.clone().unwrap();
    let fresh = || home.user(&guest.space).token.unwrap();
    refused(&phone, 3).await;
    let mut tablet = home.copied("phone", "tablet").await;
    tablet.renew(Whose::Writer, fresh()).await.unwrap();
    tablet.add(1_000, None).await.unwrap();
    tablet.sync().await.unwrap();
    home.roll_up(&guest.space).await;

    // The expired one goes on too, and keeps what it records, also when it is closed.
    let mut phone = Device::open(&home.path("phone")).await.unwrap();
    phone.add(10_000, None).await.unwrap();
    refused(&phone, 4).await;
    assert_eq!(phone.state().waiting.steps, 10_100);
    // The token of somebody else, the one of before and none at all change nothing.
    let other = home.user("eve").token.unwrap();
    let garbage = Token::from("x".to_owned());
    for token in [other, expired.clone(), garbage] {
        let error = phone.renew(Whose::Writer, token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert_eq!(phone.owner().token.as_ref(), Some(&expired));
        assert_eq!(phone.replica().pending().await.unwrap(), 4);
    }

    for _ in 0..2 {
        phone.renew(Whose::Writer, fresh()).await.unwrap();
        assert_eq!(phone.replica().pending().await.unwrap(), 0);
    }
    let mut phone = Device::open(&home.path("phone")).await.unwrap();
    phone.sync().await.unwrap();
    tablet.sync().await.unwrap();
    for device in [&mut phone, &mut tablet] {
        let state = device.state();
        assert_eq!(state.steps(), 11_110);
        assert_eq!(state.waiting.activities.len(), 0);
        assert_eq!(state.name.get().unwrap(), "Ada");
    }
    let history = phone.replica().history().await.unwrap();
    let ids: BTreeSet<_> = history.iter().map(|recorded| recorded.id).collect();
    // The start of the session, four times steps, an activity, a name.
    assert_eq!((history.len(), ids.len()), (7, 7));
    verify(phone.replica()).await;
}

/// A linked device has two tokens, and forgetting needs both.
#[tokio::test]
async fn an_expired_session_of_a_user_goes_on_and_can_be_forgotten() {
    let home = Home::open().await;
    let mut phone = home.guest("phone").await;
    let guest = phone.owner().clone();
    phone.add(10, None).await.unwrap();
    phone.link(home.user("ada")).await.unwrap();
    phone.add(100, None).await.unwrap();
    let mut phone = reopened(&home, phone).await;
    refused(&phone, 1).await;
    let fresh = |space: &str| home.user(space).token.unwrap();
    phone.renew(Whose::Writer, fresh("ada")).await.unwrap();
    assert_eq!(
        (phone.state().steps(), phone.owner().space.as_str()),
        (110, "ada")
    );

    let kept = phone.forget().await.unwrap_err();
    assert_eq!(kept.kind(), ErrorKind::Denied, "{kept}");
    let mut phone = Device::open(&home.path("phone")).await.unwrap();
    assert_eq!(phone.state().steps(), 110);
    let fresh = fresh(&guest.space);
    phone.renew(Whose::Guest, fresh).await.unwrap();
    assert_eq!(phone.owner().space, "ada");
    phone.forget().await.unwrap();
    assert!(Device::open(&home.path("phone")).await.is_err());
}

/// A token that only reads opens the space, so it was taken for a good one; what was recorded with it was never sent. It is
/// refused, and what the device had stays, whoever's token it is.
#[tokio::test]
async fn a_token_that_cannot_write_is_refused_by_name() {
    let home = Home::open().await;
    let mut phone = home.guest("phone").await;
    let guest = phone.owner().clone();
    phone.add(10, None).await.unwrap();
    phone.link(home.user("ada")).await.unwrap();
    let before = phone.owner().token.clone();
    for (whose, space) in [(Whose::Writer, "ada"), (Whose::Guest, guest.space.as_str())] {
        let reader = home.with_right(space, Right::Read).token.unwrap();
        let refused = phone.renew(whose, reader).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Denied, "{refused}");
        let said = refused.to_string();
        assert!(said.contains("cannot write with this token"), "{said}");
        assert_eq!(refused.object(), Some(space));
        assert!(refused.hint().unwrap().contains("right to write"));
        let why = std::error::Error::source(&refused).unwrap().to_string();
        assert!(
            why.contains("allows read in this space, not write"),
            "{why}"
        );
    }
    assert_eq!(phone.owner().token, before);
    assert_eq!(home.guest_of("phone").token, guest.token);
    // It goes on as it was, and nothing was written by asking.
    phone.add(100, None).await.unwrap();
    phone.sync().await.unwrap();
    let written = phone.replica().history().await.unwrap().len();
    let renewed = home.user("ada").token.unwrap();
    phone.renew(Whose::Writer, renewed).await.unwrap();
    assert_eq!(phone.replica().history().await.unwrap().len(), written);
    assert_eq!(phone.state().steps(), 110);
}
