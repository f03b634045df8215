//! `presign`: how many requests a gateway signs in a second on one core, by its HTTP API, in this process.

use super::number::{Number, exact};
use super::sample::author;
use super::served::token;
use super::site::Site;
use super::timing::{Times, time_on_core};
use crate::context::Context;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use icecore_core::wire::{
    BodyInfo, KeyHints, KeyWish, Op, SignRequest, SignResponse, SyncRequest, SyncResponse,
    WriteRequest,
};
use icecore_core::{Error, Key, ObjectKey, Result, SpaceInfo};
use icecore_gateway::token::{Fetch, HttpFetch, Secret, SigningKey, TokenSettings, Verifier};
use icecore_gateway::{BucketAddress, Endpoint, Gateway, Keys, Limits, Presigner, router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tower::ServiceExt;

const NAME: &str = "presign";
const SECRET: &str = "the secret of a benchmark, long enough to be one";
const WARM_UP: usize = 2;
const ROUNDS: usize = 11;
/// Presigned requests of one round: some kernels tell a thread's time in steps of 4 ms only.
const ROUND: usize = 20_000;
/// As many as one call may have signed.
const READS: u64 = 1_000;
/// Update objects of one call for slots, and spare keys for each: as many as one call may ask for.
const WRITES: usize = 20;
const SPARE: u8 = 8;
/// Presigned requests in a second on one core.
const TARGET: f64 = 10_000.0;

/// Signs over a bucket in memory, whose requests are counted.
pub(super) async fn presign(context: &Context) -> Result<Vec<Number>> {
    let site = Site::in_memory(context).await?;
    let info = site.space().await?;
    let gateway = SmallGateway::new(&site, context)?;
    let before = site.metered.counts();
    let mut numbers = Vec::new();
    for (packed, how) in [(false, "JSON"), (true, "packed, as clients ask")] {
        let what = format!("presigned reads by one core, {how}");
        let path = format!("/v1/spaces/{}/sign", info.space);
        let call = Call::new(path, &reads(&info)?, packed)?;
        numbers.push(gateway.rate(what, &call, signed, context)?);
    }
    let what = "slots by one core, packed";
    let path = format!("/v1/spaces/{}/sync", info.space);
    let call = Call::new(path, &writes(&info), true)?;
    numbers.push(gateway.rate(what.to_owned(), &call, slots, context)?);
    let asked = (site.metered.counts() - before).requests();
    numbers.push(Number::count(NAME, "requests of the bucket for them", asked, "").at_most(0.0));
    Ok(numbers)
}

fn reads(info: &SpaceInfo) -> Result<SignRequest> {
    let op = |n: u64| {
        let key = Key::new(1_795_176_000_000 + n)?;
        let path = ObjectKey::Update(info.space.clone(), info.epoch, key).to_string();
        Ok(Op::Get { path })
    };
    let ops = (0..READS).map(op).collect::<Result<_>>()?;
    Ok(SignRequest { ops })
}

fn writes(info: &SpaceInfo) -> SyncRequest {
    let zero = Key::MIN;
    let hints = KeyHints {
        own_last: None,
        seen: zero,
        reached: zero,
        stride: 1,
    };
    let write = WriteRequest {
        epoch: info.epoch,
        author: author(1),
        keys: KeyWish::After(hints),
        objects: (0..WRITES)
            .map(|n| BodyInfo::of(n.to_string().as_bytes()))
            .collect(),
        spare: SPARE,
    };
    SyncRequest {
        look: None,
        write: Some(write),
    }
}

fn signed(answer: &SignResponse) -> usize {
    answer.signed.len()
}

fn slots(answer: &SyncResponse) -> usize {
    answer.slots.iter().map(Vec::len).sum()
}

/// A call that is made again and again.
struct Call {
    path: String,
    body: Vec<u8>,
    packed: bool,
}

impl Call {
    fn new(path: String, body: &impl Serialize, packed: bool) -> Result<Self> {
        let body = serde_json::to_vec(body)
            .map_err(|e| Error::internal("BUG: a request has a JSON form").with_source(e))?;
        Ok(Self { path, body, packed })
    }
}

/// The gateway's router, with a token for it.
struct SmallGateway {
    router: Router,
    token: String,
}

impl SmallGateway {
    fn new(site: &Site, context: &Context) -> Result<Self> {
        let secret: Secret = SECRET.parse()?;
        let token = token(&SigningKey::hs256(&secret), context)?;
        let settings = TokenSettings {
            hs256_secrets: vec![secret],
            ..TokenSettings::default()
        };
        let fetch: Arc<dyn Fetch> = Arc::new(HttpFetch::new(Arc::clone(&context.clock))?);
        let verifier = Verifier::new(&settings, &fetch, Arc::clone(&context.clock))?;
        let address = BucketAddress {
            bucket: "bench-bucket".to_owned(),
            region: "us-east-1".to_owned(),
            prefix: "a/prefix".to_owned(),
            endpoint: Endpoint::Aws,
        };
        let presigner = Presigner::new(address, Keys::new("an-access-key", "its-secret", None));
        let limits = Limits {
            burst: u32::MAX,
            ..Limits::default()
        };
        let gateway = Gateway::new(site.store.clone(), presigner, verifier, limits);
        Ok(Self {
            router: router(&gateway),
            token,
        })
    }

    /// The median rate of a call; what it answers is read only once, for a client does that elsewhere.
    fn rate<T: DeserializeOwned>(
        &self,
        what: String,
        call: &Call,
        count: fn(&T) -> usize,
        context: &Context,
    ) -> Result<Number> {
        let plain = Call {
            path: call.path.clone(),
            body: call.body.clone(),
            packed: false,
        };
        let answer = self.answer(&plain)?;
        let answer: T = serde_json::from_slice(&answer)
            .map_err(|e| Error::internal("BUG: an answer cannot be read").with_source(e))?;
        let urls = count(&answer);
        let calls = ROUND.div_ceil(urls.max(1));
        let mut times = Times::default();
        for round in 0..WARM_UP + ROUNDS {
            let work = || (0..calls).try_for_each(|_| self.answer(call).map(drop));
            let (time, answered) = time_on_core(&*context.clock, work);
            answered?;
            if round >= WARM_UP {
                times.add(time);
            }
        }
        let urls_of_round = exact((urls * calls) as u64);
        let median = times.median().as_secs_f64();
        let micros = median * 1e6 / urls_of_round;
        let detail = format!("{urls} a call, {micros:.1} µs each");
        Ok(Number::new(NAME, what, urls_of_round / median, "/s")
            .at_least(TARGET)
            .detail(detail))
    }

    /// One call, all of it on this thread.
    fn answer(&self, call: &Call) -> Result<Vec<u8>> {
        let mut request = Request::post(&call.path)
            .header("host", "gateway.example.org")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.token));
        if call.packed {
            request = request.header("accept-encoding", "gzip");
        }
        let request = request
            .body(Body::from(call.body.clone()))
            .map_err(|e| Error::internal("BUG: a request that cannot be made").with_source(e))?;
        let answered = async {
            let answered = self.router.clone().oneshot(request).await;
            let Ok(response) = answered;
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
            let body = body.map_err(|e| Error::internal("an answer broke off").with_source(e))?;
            if status != StatusCode::OK {
                let text = String::from_utf8_lossy(&body).into_owned();
                return Err(Error::internal(format!(
                    "the gateway answered {status}: {text}"
                )));
            }
            Ok(body.to_vec())
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(answered))
    }
}
