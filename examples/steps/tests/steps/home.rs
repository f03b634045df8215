//! A gateway as `icecore serve` is one: the real router, and the S3 endpoint beside it, on a port of this machine.

use axum::body::Body;
use axum::extract::Request;
use icecore::system::SystemClock;
use icecore_example_steps::account::{Owner, Token};
use icecore_example_steps::{Account, Device, Steps};
use icecore_gateway::token::{
    Claims, HttpFetch, Right, Secret, SigningKey, SpacePattern, Verifier, mint,
};
use icecore_gateway::{
    BucketAddress, Endpoint, Gateway, Guests, Keys, Limits, Presigner, Settings, router,
};
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Clock, Ids, Store, backend};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tokio::net::TcpListener;

const HOUR: i64 = 60 * 60 * 1_000;
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
pub(crate) struct Home {
    folder: TempDir,
    pub(crate) url: String,
    store: Store,
}

impl Home {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What an app's own server gives to a user who signs in.
    pub(crate) fn user(&self, space: &str) -> Owner {
        self.owner_for(space, HOUR)
    }

    /// The same, who may do no more than this.
    pub(crate) fn with_right(&self, space: &str, right: Right) -> Owner {
        self.owner_with(space, right, HOUR)
    }

    fn owner_for(&self, space: &str, millis: i64) -> Owner {
        self.owner_with(space, Right::Admin, millis)
    }

    fn owner_with(&self, space: &str, right: Right, millis: i64) -> Owner {
        let rights = [right].into_iter().collect();
        let pattern = SpacePattern::from(space.parse::<icecore::SpaceName>().unwrap());
        let claims = Claims::new("ada", vec![pattern], rights, self.store.now() + millis);
        let token = mint(&SigningKey::hs256(&secret()), &claims).unwrap();
        Owner {
            space: space.to_owned(),
            token: Some(Token::from(token)),
        }
    }

    pub(crate) async fn guest(&self, name: &str) -> Device {
        Device::guest(&self.url, &self.path(name)).await.unwrap()
    }

    /// A device on which time has passed: the tokens that it holds are over for an hour.
    pub(crate) async fn expired(&self, name: &str) -> Device {
        let mut account = Account::read(&self.path(name)).unwrap().unwrap();
        let Account::Known { guest, user, .. } = &mut account else {
            panic!("{account:?}");
        };
        for owner in [Some(guest), user.as_mut()].into_iter().flatten() {
            *owner = self.owner_for(&owner.space, -HOUR);
        }
        account.write(&self.path(name)).unwrap();
        Device::open(&self.path(name)).await.unwrap()
    }

    /// The guest that a device began as.
    pub(crate) fn guest_of(&self, name: &str) -> Owner {
        match Account::read(&self.path(name)).unwrap() {
            Some(Account::Known { guest, .. }) => guest,
            other => panic!("{other:?}"),
        }
    }

    /// Another device of the same guest.
    pub(crate) async fn copied(&self, from: &str, to: &str) -> Device {
        std::fs::create_dir(self.path(to)).unwrap();
        let account = |name: &str| self.path(name).join("account.json");
        std::fs::copy(account(from), account(to)).unwrap();
        Device::open(&self.path(to)).await.unwrap()
    }

    /// What the scheduled function does.
    pub(crate) async fn roll_up(&self, space: &str) {
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
