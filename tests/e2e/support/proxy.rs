//! A bad network: a proxy on this machine that knows where an HTTP request begins and ends, and does to each what its
//! plan says. What really happened is counted.

use super::command::Place;
use super::serving::Serving;
use icecore_sim::clock::SimClock;
use icecore_store::Clock;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Longer than any request of a test takes: a test that hangs says where.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(1);

/// What S3 says when it has too much to do.
pub(crate) const BUSY: Fate = Fate::Answer(
    503,
    "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
);
/// What S3 says when the credentials have ended that a request was signed with.
pub(crate) const EXPIRED: Fate = Fate::Answer(
    400,
    "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>",
);

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives, and so does its answer.
    Pass,
    /// It arrives so much later.
    Delay(Duration),
    /// It vanishes: the connection stays silent so long, then it closes.
    Swallow(Duration),
    /// The connection is reset before anything of it arrives.
    Reset,
    /// The connection breaks in the middle of it: the server sees a part.
    BreakRequest,
    /// The server carries it out, and the connection is reset in place of an answer.
    LoseAnswer,
    /// The server carries it out, and the connection breaks in the middle of the answer.
    BreakAnswer,
    /// The server carries it out twice; the second answer counts.
    Repeat,
    /// The server carries it out, and once more so much later, when nobody waits for it any more.
    RepeatLater(Duration),
    /// It never arrives; this is the answer.
    Answer(u16, &'static str),
}

impl Fate {
    fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Delay(_) => "delay",
            Self::Swallow(_) => "swallow",
            Self::Reset => "reset",
            Self::BreakRequest => "break request",
            Self::LoseAnswer => "lose answer",
            Self::BreakAnswer => "break answer",
            Self::Repeat => "repeat",
            Self::RepeatLater(_) => "repeat later",
            Self::Answer(..) => "answer",
        }
    }
}

/// A request on its way.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Asked {
    /// Whether it is a presigned one, for the bucket.
    pub(crate) fn is_presigned(&self) -> bool {
        self.target.contains("X-Amz-Signature=")
    }

    /// Whether it lists.
    pub(crate) fn lists(&self) -> bool {
        self.target.contains("list-type=2")
    }

    /// Whether it writes an update object.
    pub(crate) fn writes_updates(&self) -> bool {
        self.method == "PUT" && self.target.contains("/updates/")
    }

    /// Whether it has a body that can break.
    pub(crate) fn has_body(&self) -> bool {
        self.body.len() > 1
    }

    /// As the server is to get it: it closes the connection after its answer.
    fn closing(&self) -> Vec<u8> {
        let mut bytes = self.head[..self.head.len() - 2].to_vec();
        bytes.extend_from_slice(b"connection: close\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// The two answers to an update object that arrived twice.
pub(crate) type Answers = (u16, u16);

type Plan = Box<dyn FnMut(&Asked) -> Fate + Send>;

/// The proxy. It stops, and all its connections break, when this is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    url: String,
    shared: Arc<Shared>,
    /// Whether everything is cut.
    cut: watch::Sender<bool>,
    runtime: Runtime,
}

struct Shared {
    clock: SimClock,
    server: Mutex<String>,
    plan: Mutex<Plan>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    repeated: Mutex<Vec<Answers>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// Listens on a free port; everything passes.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", 0)))
            .expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            clock: SimClock::start(),
            server: Mutex::default(),
            plan: Mutex::new(Box::new(|_| Fate::Pass)),
            counts: Mutex::default(),
            repeated: Mutex::default(),
        });
        let (cut, is_cut) = watch::channel(false);
        runtime.spawn(accept(listener, Arc::clone(&shared), is_cut));
        Self {
            url,
            shared,
            cut,
            runtime,
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Leads to the server at this address.
    pub(crate) fn lead_to(&self, url: &str) {
        url.trim_start_matches("http://")
            .clone_into(&mut lock(&self.shared.server));
    }

    /// From now on the fate of each request is what this says.
    pub(crate) fn plan(&self, plan: impl FnMut(&Asked) -> Fate + Send + 'static) {
        *lock(&self.shared.plan) = Box::new(plan);
    }

    /// From now on everything passes.
    pub(crate) fn heal(&self) {
        self.plan(|_| Fate::Pass);
        self.cut.send_replace(false);
    }

    /// Breaks every connection, and each new one at once, until it is healed.
    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// How often each thing has happened.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.shared.counts).clone()
    }

    /// How often this has happened.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.counts().get(name).copied().unwrap_or_default()
    }

    /// What the server answered to update objects that arrived twice.
    pub(crate) fn repeated(&self) -> Vec<Answers> {
        lock(&self.shared.repeated).clone()
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, time: Duration) {
        self.runtime.block_on(self.shared.clock.sleep(time));
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, is_cut: watch::Receiver<bool>) {
    // What cannot be accepted concerns its client only.
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&shared), is_cut.clone()));
        }
    }
}

async fn connection(mut stream: TcpStream, shared: Arc<Shared>, mut is_cut: watch::Receiver<bool>) {
    let cut = async { drop(is_cut.wait_for(|cut| *cut).await) };
    tokio::select! {
        biased;
        () = cut => shared.count("cut"),
        served = serve(&mut stream, &shared) => {
            if served.is_ok() {
                return;
            }
        }
    }
    reset(&stream);
}

/// The connection ends with a reset and not in good order.
fn reset(stream: &TcpStream) {
    // A connection that the other side has closed already needs none.
    drop(stream.set_zero_linger());
}

/// Serves one connection; an error means that it is to be reset.
async fn serve(stream: &mut TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read_request(&mut stream).await? {
        let fate = (lock(&shared.plan))(&asked);
        let answer = shared.carry_out(&asked, fate).await?;
        let Some(Answer { bytes, goes_on }) = answer else {
            return Ok(());
        };
        stream.get_mut().write_all(&bytes).await?;
        if !goes_on {
            return Ok(());
        }
    }
    Ok(())
}

async fn read_request(stream: &mut BufReader<&mut TcpStream>) -> io::Result<Option<Asked>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_until(b'\n', &mut head).await? == 0 {
            if head.is_empty() {
                return Ok(None);
            }
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut words = text.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, target) = (word(), word());
    let length = header(&text, "content-length").and_then(|n| n.parse().ok());
    assert!(
        header(&text, "transfer-encoding").is_none(),
        "a client of icecore says how long its bodies are: {text}"
    );
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    Ok(Some(Asked {
        method,
        target,
        head,
        body,
    }))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let field = fields.find(|(found, _)| found.eq_ignore_ascii_case(name));
    field.map(|(_, value)| value.trim())
}

/// What the client gets.
struct Answer {
    bytes: Vec<u8>,
    /// Whether the connection is used again.
    goes_on: bool,
}

impl Shared {
    fn count(&self, name: &'static str) {
        *lock(&self.counts).entry(name).or_default() += 1;
    }

    /// The answer, or nothing, and the connection closes; an error, and it is reset.
    async fn carry_out(self: &Arc<Self>, asked: &Asked, fate: Fate) -> io::Result<Option<Answer>> {
        let whole = asked.closing();
        let lost = || io::Error::from(io::ErrorKind::ConnectionReset);
        let done = match fate {
            Fate::Pass => Ok(Some(passed_on(self.ask(&whole).await?))),
            Fate::Delay(time) => {
                self.clock.sleep(time).await;
                Ok(Some(passed_on(self.ask(&whole).await?)))
            }
            Fate::Swallow(time) => {
                self.clock.sleep(time).await;
                Ok(None)
            }
            Fate::Reset => Err(lost()),
            Fate::BreakRequest => {
                let part = match asked.body.len() {
                    0 => whole.len() / 2,
                    body => whole.len() - body.div_ceil(2),
                };
                let mut server = self.connect().await?;
                server.write_all(&whole[..part]).await?;
                server.flush().await?;
                Err(lost())
            }
            Fate::LoseAnswer => {
                self.ask(&whole).await?;
                Err(lost())
            }
            Fate::BreakAnswer => {
                let mut bytes = passed_on(self.ask(&whole).await?).bytes;
                bytes.truncate(bytes.len() / 2);
                let goes_on = false;
                Ok(Some(Answer { bytes, goes_on }))
            }
            Fate::Repeat => {
                let first = self.ask(&whole).await?;
                let second = self.ask(&whole).await?;
                self.note_repeated(asked, &first, &second);
                Ok(Some(passed_on(second)))
            }
            Fate::RepeatLater(time) => {
                let first = self.ask(&whole).await?;
                let (shared, asked, before) = (Arc::clone(self), asked.clone(), first.clone());
                tokio::spawn(async move {
                    shared.clock.sleep(time).await;
                    // The test may be over.
                    if let Ok(second) = shared.ask(&whole).await {
                        shared.note_repeated(&asked, &before, &second);
                    }
                });
                Ok(Some(passed_on(first)))
            }
            Fate::Answer(status, body) => Ok(Some(answer(status, body))),
        };
        self.count(fate.name());
        done
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let server: SocketAddr = lock(&self.server)
            .parse()
            .map_err(|_| io::Error::from(io::ErrorKind::NotConnected))?;
        TcpStream::connect(server).await
    }

    /// What the server answers.
    async fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        self.in_time(async {
            let mut server = self.connect().await?;
            server.write_all(request).await?;
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).await?;
            Ok(answer)
        })
        .await
    }

    async fn in_time<T>(&self, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        tokio::select! {
            done = work => done,
            () = self.clock.sleep(ANSWER_TIME_MAX) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn note_repeated(&self, asked: &Asked, first: &[u8], second: &[u8]) {
        if asked.writes_updates() {
            lock(&self.repeated).push((status(first), status(second)));
        }
    }
}

fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(&answer[..answer.len().min(16)]).into_owned();
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.unwrap_or_default()
}

/// As it goes to the client, which may go on with the connection that the server has closed behind the proxy.
fn passed_on(bytes: Vec<u8>) -> Answer {
    const CLOSE: &[u8] = b"connection: close\r\n";
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n");
    let end = end.map_or(bytes.len(), |end| end + 2);
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let has_end = header(&head, "content-length").is_some()
        || header(&head, "transfer-encoding").is_some()
        || matches!(status(&bytes), 204 | 304);
    let close = bytes[..end]
        .windows(CLOSE.len())
        .position(|part| part.eq_ignore_ascii_case(CLOSE));
    let bytes = match close {
        Some(at) if has_end => [&bytes[..at], &bytes[at + CLOSE.len()..]].concat(),
        _ => bytes,
    };
    let goes_on = has_end;
    Answer { bytes, goes_on }
}

fn answer(status: u16, body: &str) -> Answer {
    let bytes = format!(
        "HTTP/1.1 {status} Fault\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    Answer {
        bytes: bytes.into_bytes(),
        goes_on: true,
    }
}

/// A server that clients reach through a proxy, presigned requests and all.
#[derive(Debug)]
pub(crate) struct Proxied {
    pub(crate) proxy: Proxy,
    pub(crate) serving: Serving,
    /// The store as the clients reach it.
    pub(crate) place: Place,
}

impl Proxied {
    /// Starts both, with these arguments of the server.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let proxy = Proxy::start();
        let first = ["--public-url", proxy.url()];
        let serving = Serving::start_with(&[&first, arguments].concat());
        proxy.lead_to(serving.url());
        let token = ("ICECORE_TOKEN".to_owned(), serving.admin());
        let place = Place::at(proxy.url().to_owned(), vec![token]);
        Self {
            proxy,
            serving,
            place,
        }
    }
}
