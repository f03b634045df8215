//! How far the local clock is from the server's, learnt from the `Date` of every response.

use super::Connector;
use super::signing::{Resigner, is_off, system_now};
use crate::ports::Clock;
use async_trait::async_trait;
use http::StatusCode;
use http::header::DATE;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
};
use std::sync::{Arc, Mutex, PoisonError};

/// `Date` has seconds: the server's time was anywhere within the second that it names.
const DATE_RESOLUTION_MS: i64 = 1000;

/// Credential services of cloud machines answer here, with the clock of the machine itself.
const LINK_LOCAL: &str = "169.254.";

/// An estimate of (server clock − local clock).
///
/// Every response bounds it from both sides; the intersection of the bounds of all responses narrows with
/// every second boundary that falls between two requests. When a response contradicts the others a clock
/// has jumped, and the estimate starts over.
#[derive(Debug, Default)]
pub struct ServerTime {
    bounds: Mutex<Option<Bounds>>,
}

/// The offset lies in `low..=high`, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    low: i64,
    high: i64,
}

impl ServerTime {
    /// Nothing observed yet: the offset is 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a response: the server said `server_ms`, a time cut to whole seconds, between the local
    /// times `sent_ms` and `received_ms`. All are milliseconds since 1970 UTC.
    pub fn observe(&self, server_ms: i64, sent_ms: i64, received_ms: i64) {
        self.take_in(server_ms, DATE_RESOLUTION_MS, sent_ms, received_ms);
    }

    fn take_in(&self, server_ms: i64, resolution_ms: i64, sent_ms: i64, received_ms: i64) {
        if received_ms < sent_ms {
            // The local clock was set back during the request: it bounds nothing.
            return;
        }
        let seen = Bounds {
            low: server_ms - received_ms,
            high: server_ms + resolution_ms - sent_ms,
        };
        let mut bounds = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        *bounds = Some(bounds.map_or(seen, |old| old.narrow(seen)));
    }

    /// Milliseconds to add to the local clock: the least correction that the responses allow, so a clock
    /// that is right within their resolution is left alone.
    pub fn offset(&self) -> i64 {
        let bounds = *self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        bounds.map_or(0, |bounds| 0.clamp(bounds.low, bounds.high))
    }

    /// Whether any response has been observed.
    pub fn is_known(&self) -> bool {
        self.bounds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// The server's time now, as well as it is known.
    pub fn now(&self, clock: &dyn Clock) -> i64 {
        clock.now().saturating_add(self.offset())
    }

    /// Takes in a response that tells the server's time to the millisecond; as [`ServerTime::observe`].
    pub fn observe_exact(&self, server_ms: i64, sent_ms: i64, received_ms: i64) {
        self.take_in(server_ms, 1, sent_ms, received_ms);
    }

    pub(super) fn observe_date(&self, date: &str, sent_ms: i64, received_ms: i64) {
        if let Some(server_ms) = parse_http_date(date) {
            self.observe(server_ms, sent_ms, received_ms);
        }
    }
}

impl Bounds {
    fn narrow(self, seen: Self) -> Self {
        let both = Self {
            low: self.low.max(seen.low),
            high: self.high.min(seen.high),
        };
        if both.low <= both.high { both } else { seen }
    }
}

/// An [`HttpConnector`] whose clients report the `Date` of every response to a [`ServerTime`].
#[derive(Debug)]
pub struct WithServerTime {
    server_time: Arc<ServerTime>,
    clock: Arc<dyn Clock>,
    resigner: Option<Resigner>,
}

impl WithServerTime {
    /// Connects as `object_store` does by default, and reports to `server_time`.
    pub fn new(server_time: Arc<ServerTime>, clock: Arc<dyn Clock>) -> Self {
        Self {
            server_time,
            clock,
            resigner: None,
        }
    }

    /// Signs anew what S3's client signed by a clock that is far from the server's.
    pub(super) fn with_resigner(mut self, resigner: Resigner) -> Self {
        self.resigner = Some(resigner);
        self
    }
}

impl HttpConnector for WithServerTime {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Observed {
            server_time: Arc::clone(&self.server_time),
            clock: Arc::clone(&self.clock),
            client: Connector.connect(options)?,
            resigner: self.resigner.clone(),
        }))
    }
}

#[derive(Debug)]
struct Observed {
    server_time: Arc<ServerTime>,
    clock: Arc<dyn Clock>,
    client: HttpClient,
    resigner: Option<Resigner>,
}

impl Observed {
    /// What of a request can be signed anew, and by what time it is signed as it is.
    fn signed_at(&self, request: &HttpRequest) -> Option<(&Resigner, i64)> {
        let resigner = self.resigner.as_ref()?;
        resigner.can_sign(request).then(|| (resigner, system_now()))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_server = !request
            .uri()
            .host()
            .is_some_and(|host| host.starts_with(LINK_LOCAL));
        let sent_ms = self.clock.now();
        let response = self.client.execute(request).await?;
        if is_server
            && let Some(date) = response.headers().get(DATE)
            && let Ok(date) = date.to_str()
        {
            self.server_time
                .observe_date(date, sent_ms, self.clock.now());
        }
        Ok(response)
    }
}

#[async_trait]
impl HttpService for Observed {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let Some((resigner, mut signed_at)) = self.signed_at(&request) else {
            return self.send(request).await;
        };
        let now = self.server_time.now(&*self.clock);
        if is_off(now, signed_at) {
            resigner.sign(&mut request, now).await;
            signed_at = now;
        }
        // The body is shared, not copied.
        let mut again = request.clone();
        let response = self.send(request).await?;
        let now = self.server_time.now(&*self.clock);
        if response.status() != StatusCode::FORBIDDEN || !is_off(now, signed_at) {
            return Ok(response);
        }
        // Refused, and its `Date` tells that the clock is why: nothing was done. Once more, by the server's time.
        resigner.sign(&mut again, now).await;
        self.send(again).await
    }
}

/// Milliseconds since 1970 of an IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
pub(super) fn parse_http_date(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, date) = text.split_once(", ")?;
    let mut words = date.split(' ');
    let day: i64 = words
        .next()?
        .parse()
        .ok()
        .filter(|day| (1..=31).contains(day))?;
    let month = words.next().filter(|name| name.len() == 3)?;
    let month = i64::try_from(MONTHS.find(month).filter(|at| at % 3 == 0)? / 3).ok()? + 1;
    let year: i64 = words
        .next()?
        .parse()
        .ok()
        .filter(|year| (1970..=9999).contains(year))?;
    let mut time = words.next()?.splitn(3, ':').map(|n| n.parse::<i64>().ok());
    let (hours, minutes, seconds) = (time.next()??, time.next()??, time.next()??);
    let valid =
        (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..=60).contains(&seconds);
    if words.next() != Some("GMT") || words.next().is_some() || !valid {
        return None;
    }
    let days = days_since_1970(year, month, day);
    Some((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)
}

/// Days of the Gregorian calendar, counted in years that begin in March so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    const DAYS_FROM_YEAR_0_TO_1970: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + day_of_year - DAYS_FROM_YEAR_0_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http() {
        let cases = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777_000)),
            ("Tue, 29 Feb 2000 23:59:59 GMT", Some(951_868_799_000)),
            ("Wed, 01 Mar 2000 00:00:00 GMT", Some(951_868_800_000)),
            ("Fri, 31 Dec 2100 00:00:00 GMT", Some(4_133_894_400_000)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 06 Nov 1994 25:49:37 GMT", None),
            ("Sun, 06 ovD 1994 08:49:37 GMT", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_http_date(text), expected, "{text:?}");
        }
    }

    /// Observations as (server, sent, received), and the offset after the last.
    #[test]
    fn offsets() {
        type Case = (&'static str, &'static [(i64, i64, i64)], i64);
        let cases: &[Case] = &[
            ("nothing seen", &[], 0),
            ("in sync, early in the second", &[(5000, 5010, 5020)], 0),
            ("in sync, late in the second", &[(5000, 5980, 5990)], 0),
            ("slow answer, in sync", &[(5000, 3000, 9000)], 0),
            ("local clock 10 s behind", &[(15_000, 5000, 5040)], 9960),
            ("local clock 10 s ahead", &[(5000, 15_500, 15_540)], -9500),
            (
                "narrowed by a second look",
                &[(15_000, 5000, 5040), (15_000, 5940, 5980)],
                9960,
            ),
            (
                "narrowed from below",
                &[(15_000, 5000, 5040), (16_000, 6030, 6035)],
                9965,
            ),
            (
                "a clock jumped",
                &[(15_000, 5000, 5040), (16_000, 16_100, 16_200)],
                0,
            ),
            ("clock set back while waiting", &[(15_000, 5000, 4000)], 0),
        ];
        for (name, observations, expected) in cases {
            let time = ServerTime::new();
            for &(server, sent, received) in *observations {
                time.observe(server, sent, received);
            }
            assert_eq!(time.offset(), *expected, "{name}");
        }
    }

    /// However requests fall, the true offset stays within the bounds, which get narrow.
    #[test]
    fn the_bounds_close_in_on_the_true_offset() {
        for true_offset in [-86_400_000_i64, -700, 0, 300, 12_345] {
            let time = ServerTime::new();
            for n in 0..200_i64 {
                let (sent, delay) = (1_000_000 + n * 1237, 20 + n % 60);
                let server = (sent + delay / 2 + true_offset).div_euclid(1000) * 1000;
                time.observe(server, sent, sent + delay);
            }
            let bounds = time.bounds.lock().unwrap().unwrap();
            assert!(
                bounds.low <= true_offset && true_offset <= bounds.high,
                "{bounds:?}"
            );
            assert!(bounds.high - bounds.low < 120, "{bounds:?}");
        }
    }
}
