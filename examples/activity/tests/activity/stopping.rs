//! A server that is told to stop.

use crate::support::{SPACE, Site};
use icecore::{Order, Replica};
use icecore_example_activity::{Activity, Hub, api};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A client begins a call and goes on with it very slowly. A server that waits for all that was begun would wait for it as long
/// as a call may take, and for one that does not read its answer for ever.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a test that hangs has to end")]
async fn a_server_that_stops_does_not_wait_for_a_client_that_is_slow() {
    let site = Site::new();
    let place = site.place("server");
    let replica = Replica::create(Activity, &place, SPACE, Order::Timestamp).await;
    let hub = Hub::open(replica.unwrap(), &site.log("server")).unwrap();
    let (tell, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(api::serve(
        hub,
        (Ipv4Addr::LOCALHOST.into(), 0),
        move |address| tell.send(address).unwrap(),
        async move { drop(stopped.await) },
    ));
    let mut slow = TcpStream::connect(told.await.unwrap()).await.unwrap();
    let begun = "POST /api/sync/activity HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                 Content-Length: 100\r\n\r\n{\"events\":";
    slow.write_all(begun.as_bytes()).await.unwrap();
    // It is being read when the server stops.
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.send(()).unwrap();
    let in_time = api::DRAIN_TIME_MAX + api::CALL_TIME_MAX / 2;
    let served = tokio::time::timeout(in_time, serving).await;
    served.expect("it still waits").unwrap().unwrap();
}
