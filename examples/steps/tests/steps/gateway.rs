//! Guests at a gateway: the real router, and the S3 endpoint beside it, on a port of this machine.

use crate::support::{holding, verify};
use axum::body::Body;
use axum::extract::Request;
use icecore::system::SystemClock;
use icecore::{ErrorKind, Place, Replica};
use icecore_example_steps::account::{Owner, Token};
use icecore_example_steps::gateway::Gateway as Client;
use icecore_example_steps::{Account, Device, Message, Sport, Steps};
use icecore_gateway::token::{
    Claims, HttpFetch, Right, Secret, SigningKey, SpacePattern, Verifier, mint,
};
use icecore_gateway::{
    BucketAddress, Endpoint, Gateway, Guests, Keys, Limits, Presigner, Settings, router,
};
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Clock, Ids, Store, backend};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tokio::net::TcpListener;

const BUCKET: &str = "icecore";
const SECRET: &str = "the secret of a gateway in a test, long enough";

/// Different each time, and that is all a test needs.
#[derive(Debug, Default)]
struct Counted(AtomicU64);

impl Ids for Counted {
    fn random(&self) -> u128 {
        let n = u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1;
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }
}

/// What `icecore serve` is: a gateway that takes guests with this model, and a folder by the S3 protocol.
struct Home {
    folder: TempDir,
    url: String,
    store: Store,
}

impl Home {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::wrong_by(0));
        let objects = folder.path().join("store").display().to_string();
        let backend = backend::open(&objects, std::iter::empty(), Arc::clone(&clock)).unwrap();
        backend.prepare().await.unwrap();
        let store = Store::new(&backend, Arc::clone(&clock), Arc::new(Counted::default()));
        store.create().await.unwrap();
        let mut settings =
            Settings::from_json(br#"{ "guests": { "models": ["steps"] } }"#).unwrap();
        settings.tokens.hs256_secrets.push(secret());
        let fetch: Arc<dyn icecore_gateway::token::Fetch> =
            Arc::new(HttpFetch::new(Arc::clone(&clock)).unwrap());
        let verifier = Verifier::new(&settings.tokens, &fetch, Arc::clone(&clock)).unwrap();
        let address = BucketAddress {
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            prefix: String::new(),
            endpoint: Endpoint::Beside,
        };
        let presigner = Presigner::new(address, Keys::new("key", "secret", None));
        let guests = Guests::from_settings(&settings).unwrap();
        let limits = Limits::from(settings.limits);
        let gateway = Gateway::new(store.clone(), presigner, verifier, limits).with_guests(guests);
        let s3 = icecore_s3::Endpoint::builder(Arc::clone(&backend.store))
            .bucket_at(BUCKET, object_store::path::Path::default())
            .key("key", "secret")
            .now(move || clock.now())
            .build();
        let app = router(&gateway).fallback(move |request: Request| {
            let s3 = s3.clone();
            async move { s3.call(request).await.map(Body::new) }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { folder, url, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What an app's own server gives to a user who signs in.
    fn user(&self, space: &str) -> Owner {
        let rights = [Right::Admin].into_iter().collect();
        let pattern = SpacePattern::from(space.parse::<icecore::SpaceName>().unwrap());
        let hour = self.store.now() + 3_600_000;
        let claims = Claims::new("ada", vec![pattern], rights, hour);
        let token = mint(&SigningKey::hs256(&secret()), &claims).unwrap();
        Owner {
            space: space.to_owned(),
            token: Some(Token::from(token)),
        }
    }

    async fn guest(&self, name: &str) -> Device {
        Device::guest(&self.url, &self.path(name)).await.unwrap()
    }

    /// The guest that a device began as.
    fn guest_of(&self, name: &str) -> Owner {
        match Account::read(&self.path(name)).unwrap() {
            Some(Account::Known { guest, .. }) => guest,
            other => panic!("{other:?}"),
        }
    }

    /// Another device of the same guest.
    async fn copied(&self, from: &str, to: &str) -> Device {
        std::fs::create_dir(self.path(to)).unwrap();
        let account = |name: &str| self.path(name).join("account.json");
        std::fs::copy(account(from), account(to)).unwrap();
        Device::open(&self.path(to)).await.unwrap()
    }

    /// What the scheduled function does.
    async fn roll_up(&self, space: &str) {
        let registry = icecore::model::Registry::built_in().with(Steps);
        let store = self.store.clone().with_registry(registry);
        let options = RollupOptions {
            now: true,
            ..RollupOptions::default()
        };
        roll_up(&store, &space.parse().unwrap(), &options)
            .await
            .unwrap();
    }
}

fn secret() -> Secret {
    SECRET.parse().unwrap()
}

/// The story of row 14, with tokens and over HTTP: see `guests.rs` for the same without a gateway.
#[tokio::test]
async fn row_14_a_guest_at_a_gateway_becomes_a_user_and_keeps_everything_once() {
    let home = Home::open().await;
    let mut phone = home.guest("phone").await;
    let guest = phone.owner().clone();
    phone.add(10, None).await.unwrap();
    phone.activity((Sport::Run, 30), None).await.unwrap();
    let mut tablet = home.copied("phone", "tablet").await;
    let mut watch = home.copied("phone", "watch").await;
    tablet.add(100, None).await.unwrap();
    watch.add(1_000, None).await.unwrap();

    let user = home.user("ada");
    let client = Client::at(&home.url).unwrap();
    let raced = tokio::join!(
        phone.link(user.clone()),
        tablet.link(user.clone()),
        client.link(&guest, &user),
        client.link(&guest, &user),
    );
    assert!(raced.0.unwrap().complete && raced.1.unwrap().complete);
    for answer in [raced.2, raced.3] {
        assert!(answer.unwrap().complete);
    }
    for device in [&mut phone, &mut tablet] {
        assert_eq!(device.link(user.clone()).await.unwrap().updates, 0);
        device.sync().await.unwrap();
        assert_eq!(device.state().steps(), 110);
    }
    // The watch was offline for all of it. The roll-up of the guest's space passes on what it sends there.
    watch.sync().await.unwrap();
    home.roll_up(&guest.space).await;
    phone.sync().await.unwrap();
    assert_eq!(phone.state().steps(), 1_110);
    assert_eq!(watch.link(user).await.unwrap().updates, 0);
    let updates = phone.replica().history().await.unwrap().len();
    // One session that all three have, and what each did in it.
    assert_eq!(updates, 1 + 2 + 1 + 1);
    verify(phone.replica()).await;
}

#[tokio::test]
async fn a_guest_is_linked_by_its_own_token_and_to_one_user() {
    let home = Home::open().await;
    let mut phone = home.guest("phone").await;
    let mut other = home.guest("other").await;
    phone.add(10, None).await.unwrap();
    other.add(7, None).await.unwrap();
    // The user's token is needed, and one that is good for the space.
    for token in [None, other.owner().token.clone()] {
        let into = Owner {
            space: "ada".to_owned(),
            token,
        };
        let error = phone.link(into).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.hint().is_some());
    }
    // Nobody takes over a guest by its name.
    let stolen = Owner {
        token: other.owner().token.clone(),
        ..phone.owner().clone()
    };
    let client = Client::at(&home.url).unwrap();
    let error = client.link(&stolen, &home.user("eve")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    // After all that the device goes on as the guest, and linking still works.
    phone.sync().await.unwrap();
    phone.link(home.user("ada")).await.unwrap();
    let error = client
        .link(&home.guest_of("phone"), &home.user("bob"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(phone.state().steps(), 10);
    verify(phone.replica()).await;
}

#[tokio::test]
async fn the_token_is_for_its_owner_alone() {
    let home = Home::open().await;
    let phone = home.guest("phone").await;
    let token = phone.owner().token.clone().unwrap();
    assert!(!format!("{phone:?}").contains(token.secret()));
    let file = home.path("phone/account.json");
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains(token.secret())
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Nor is it sent where anybody could listen, or to what is no gateway.
    for (store, kind) in [
        ("http://example.com", ErrorKind::Invalid),
        ("http://127.0.0.1:9", ErrorKind::Unavailable),
        ("ftp://example.com", ErrorKind::Invalid),
    ] {
        let error = Device::guest(store, &home.path("elsewhere"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.hint().is_some());
        assert!(!home.path("elsewhere").exists());
    }
}

/// The story of row 15, with tokens and over HTTP: see `erased.rs` for the same without a gateway.
#[tokio::test]
async fn row_15_an_account_erased_at_a_gateway_leaves_no_byte_and_takes_none() {
    const NAME: &str = "Hopper of Row Fifteen";
    let home = Home::open().await;
    let mut phone = home.guest("phone").await;
    let guest = phone.owner().space.clone();
    phone
        .set(Message::SetName {
            name: NAME.to_owned(),
        })
        .await
        .unwrap();
    phone.add(10, None).await.unwrap();
    phone.sync().await.unwrap();
    home.roll_up(&guest).await;
    phone.link(home.user("ada")).await.unwrap();
    home.roll_up("ada").await;
    let mut tablet = home.copied("phone", "tablet").await;
    tablet.sync().await.unwrap();
    verify(tablet.replica()).await;
    assert!(holding(&home.path("store"), NAME).len() > 3);

    phone.forget().await.unwrap();
    for place in ["store", "phone"] {
        assert_eq!(holding(&home.path(place), NAME), [] as [PathBuf; 0]);
    }
    tablet.add(5, None).await.unwrap();
    let gone = tablet.sync().await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
    assert!(gone.to_string().contains("was erased"), "{gone}");
    tablet.forget().await.unwrap();
    assert_eq!(holding(&home.path("tablet"), NAME), [] as [PathBuf; 0]);
}

/// A key comes from the gateway's clock, whatever the phone's says: what it claims to have set next year counts as set
/// when it arrived.
#[tokio::test]
async fn a_phone_a_year_ahead_does_not_hold_the_name_at_a_gateway() {
    const YEAR: i64 = 365 * 24 * 60 * 60 * 1_000;
    let home = Home::open().await;
    let good = home.guest("good").await;
    let token = good.owner().token.as_ref().unwrap().secret().to_owned();
    let place = Place::new(&home.url)
        .with_replica(home.path("bad"))
        .with_environment(BTreeMap::from([("ICECORE_TOKEN".to_owned(), token)]))
        .with_clock(Arc::new(SystemClock::wrong_by(YEAR)));
    let bad = Replica::open(Steps, &place, &good.owner().space)
        .await
        .unwrap();
    let name = |name: &str| Message::SetName {
        name: name.to_owned(),
    };
    bad.update(name("of next year")).await.unwrap();
    bad.sync().await.unwrap();
    good.sync().await.unwrap();
    assert_eq!(good.state().name.get().unwrap(), "of next year");
    good.set(name("of today")).await.unwrap();
    good.sync().await.unwrap();
    bad.sync().await.unwrap();
    for state in [good.state(), bad.state()] {
        assert_eq!(state.name.get().unwrap(), "of today");
    }
    verify(good.replica()).await;
}
