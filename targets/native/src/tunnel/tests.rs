use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway_core::http::websocket_frames::close;
use gateway_core::plan::WebSocketLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::*;
use crate::clock::{TICK, Ticker};

const HELLO: &[u8] = &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const MASK: [u8; 4] = [1, 2, 3, 4];
const STALL: u64 = 60_000;

struct Sides {
    client: DuplexStream,
    upstream: DuplexStream,
    shutdown: Arc<AtomicBool>,
    tunnel: JoinHandle<Ended>,
}

/// A tunnel with pipes of `size` bytes each, in simulated time.
fn tunnel(size: usize, limits: WebSocketLimits) -> Sides {
    let ticker = Arc::new(Ticker::default());
    tokio::spawn(Arc::clone(&ticker).run(|| ()));
    let shutdown = Arc::new(AtomicBool::new(false));
    let ((client, near), (far, upstream)) = (duplex(size), duplex(size));
    let limits = Limits::new(limits, ticker.now(), STALL, &ticker, &shutdown);
    let end = |io, early| End { io, early };
    let tunnel = Tunnel::new(end(near, Bytes::new()), end(far, Bytes::from_static(HELLO)), MASK, limits);
    Sides { client, upstream, shutdown, tunnel: tokio::spawn(tunnel.run()) }
}

fn unlimited() -> WebSocketLimits {
    WebSocketLimits { idle: None, life: None }
}

async fn read(side: &mut DuplexStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    side.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn rest(side: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    side.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// RFC 6455 §7.1.1: both sides say Close, the server ends the connection first.
#[tokio::test(start_paused = true)]
async fn bytes_pass_both_ways_until_both_sides_have_closed() {
    let mut sides = tunnel(64, unlimited());
    assert_eq!(read(&mut sides.client, HELLO.len()).await, HELLO, "what came with the 101");
    sides.client.write_all(&close(1000, Some(MASK))).await.unwrap();
    assert_eq!(read(&mut sides.upstream, 8).await, close(1000, Some(MASK)));
    sides.upstream.write_all(&close(1000, None)).await.unwrap();
    drop(sides.upstream);
    assert_eq!(rest(&mut sides.client).await, close(1000, None));
    drop(sides.client);
    let ended = sides.tunnel.await.unwrap();
    assert_eq!(ended, Ended { to_client: 7 + 4, to_upstream: 8, reason: Reason::Closed });
}

#[tokio::test(start_paused = true)]
async fn a_side_that_leaves_without_a_word_is_to_blame() {
    for (client_leaves, reason) in [(true, Reason::Client), (false, Reason::Upstream)] {
        let mut sides = tunnel(64, unlimited());
        read(&mut sides.client, HELLO.len()).await;
        if client_leaves {
            drop(sides.client);
            assert!(rest(&mut sides.upstream).await.is_empty());
        } else {
            drop(sides.upstream);
            assert!(rest(&mut sides.client).await.is_empty());
        }
        // The other side goes on unaffected.
        assert_eq!(sides.tunnel.await.unwrap().reason, reason);
    }
}

/// RFC 6455 §7.1.1: a side that has ended still receives, but not for ever.
#[tokio::test(start_paused = true)]
async fn a_side_that_has_ended_hears_the_rest_for_a_while() {
    let mut sides = tunnel(64, unlimited());
    read(&mut sides.client, HELLO.len()).await;
    sides.client.write_all(&close(1000, Some(MASK))).await.unwrap();
    sides.client.shutdown().await.unwrap();
    let begun = tokio::time::Instant::now();
    assert_eq!(rest(&mut sides.upstream).await, close(1000, Some(MASK)));
    sides.upstream.write_all(&close(1000, None)).await.unwrap();
    assert_eq!(read(&mut sides.client, 4).await, close(1000, None));
    // The upstream never ends.
    assert_eq!(sides.tunnel.await.unwrap().reason, Reason::Closed);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(10) && waited < Duration::from_secs(11), "{waited:?}");
}

/// RFC 6455 §5.4, §5.5.1, §7.4.1: a Close frame between two frames, with 1001 for an endpoint that goes away.
#[tokio::test(start_paused = true)]
async fn a_shutdown_takes_leave_of_both_sides_at_the_end_of_a_frame() {
    let mut sides = tunnel(1024, unlimited());
    read(&mut sides.client, HELLO.len()).await;
    // The client is in the middle of a frame, the upstream at the end of one.
    sides.client.write_all(&[0x82, 0x85, 1, 2, 3, 4, 9, 9]).await.unwrap();
    assert_eq!(read(&mut sides.upstream, 8).await.len(), 8);
    sides.shutdown.store(true, Ordering::Relaxed);
    assert_eq!(read(&mut sides.client, 4).await, close(1001, None));
    // The rest of the frame passes, the next one does not.
    sides.client.write_all(&[9, 9, 9, 0x82, 0x81, 1, 2, 3, 4, 7]).await.unwrap();
    let (frame, farewell) = (vec![9, 9, 9], close(1001, Some(MASK)));
    assert_eq!(read(&mut sides.upstream, 3 + 8).await, [frame, farewell].concat());
    // Bytes that the upstream sends before it reads that are dropped.
    sides.upstream.write_all(HELLO).await.unwrap();
    sides.upstream.write_all(&close(1001, None)).await.unwrap();
    assert!(rest(&mut sides.upstream).await.is_empty(), "the upstream is let go");
    sides.client.write_all(&close(1001, Some(MASK))).await.unwrap();
    assert!(rest(&mut sides.client).await.is_empty(), "the client is let go");
    assert_eq!(sides.tunnel.await.unwrap().reason, Reason::Drain);
}

/// RFC 6455 §7.1.1: the server ends the connection once both have said Close, whatever the other side does.
#[tokio::test(start_paused = true)]
async fn a_side_that_answers_a_farewell_is_let_go_at_once() {
    for client_answers in [true, false] {
        let mut sides = tunnel(1024, unlimited());
        read(&mut sides.client, HELLO.len()).await;
        sides.shutdown.store(true, Ordering::Relaxed);
        let told = (read(&mut sides.client, 4).await, read(&mut sides.upstream, 8).await);
        assert_eq!(told, (close(1001, None), close(1001, Some(MASK))));
        let begun = tokio::time::Instant::now();
        let side = if client_answers { &mut sides.client } else { &mut sides.upstream };
        side.write_all(&close(1001, client_answers.then_some(MASK))).await.unwrap();
        assert!(rest(side).await.is_empty());
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn sides_that_do_not_answer_a_farewell_hold_nothing_up() {
    let mut sides = tunnel(1024, unlimited());
    read(&mut sides.client, HELLO.len()).await;
    // Never ends.
    sides.upstream.write_all(&[0x82, 0x7f, 0, 0, 0, 1, 0, 0, 0, 0]).await.unwrap();
    sides.shutdown.store(true, Ordering::Relaxed);
    let begun = tokio::time::Instant::now();
    assert_eq!(sides.tunnel.await.unwrap().reason, Reason::Drain);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_socket_ends_when_nothing_passes_and_at_the_end_of_its_life() {
    let second = Duration::from_secs(1);
    let limits = WebSocketLimits { idle: Some(3 * second), life: Some(20 * second) };
    let mut sides = tunnel(1024, limits);
    read(&mut sides.client, HELLO.len()).await;
    for _ in 0..4 {
        tokio::time::sleep(2 * second).await;
        sides.upstream.write_all(&[0x89, 0]).await.unwrap();
        assert_eq!(read(&mut sides.client, 2).await, [0x89, 0]);
    }
    assert_eq!(read(&mut sides.client, 4).await, close(1001, None));
    assert_eq!(sides.tunnel.await.unwrap().reason, Reason::Idle);

    let mut sides = tunnel(1024, limits);
    let begun = tokio::time::Instant::now();
    read(&mut sides.client, HELLO.len()).await;
    loop {
        tokio::time::sleep(2 * second).await;
        sides.upstream.write_all(&[0x89, 0]).await.unwrap();
        if read(&mut sides.client, 2).await != [0x89, 0] {
            break;
        }
    }
    assert!(begun.elapsed() >= 20 * second && begun.elapsed() < 24 * second, "{:?}", begun.elapsed());
    assert_eq!(sides.tunnel.await.unwrap().reason, Reason::Life);
}

/// A side that takes nothing holds back the other, and is given up, even if it still sends.
#[tokio::test(start_paused = true)]
async fn a_side_that_takes_nothing_stops_the_other_and_is_given_up() {
    // The bytes that came with the 101 fill the first pipe exactly.
    for size in [HELLO.len(), 16] {
        let mut sides = tunnel(size, unlimited());
        let begun = tokio::time::Instant::now();
        let written = tokio::time::timeout(Duration::from_secs(30), sides.upstream.write_all(&[0; 1_000_000])).await;
        assert!(written.is_err(), "the upstream could send all");
        tokio::time::sleep(Duration::from_secs(10)).await;
        let _ = sides.client.write_all(HELLO).await;
        assert_eq!(sides.tunnel.await.unwrap().reason, Reason::Client);
        let stalled = begun.elapsed();
        assert!(stalled >= Duration::from_secs(60) && stalled < Duration::from_secs(60) + 5 * TICK, "{stalled:?}");
    }
}

/// Whatever the sizes of reads and writes, nothing is lost, repeated or out of order.
#[tokio::test(start_paused = true)]
async fn every_byte_arrives_in_order() {
    for size in [1, 7, 1_000, 100_000] {
        let Sides { mut client, mut upstream, tunnel, .. } = tunnel(size, unlimited());
        let message: Vec<u8> =
            [0x82, 0x7f, 0, 0, 0, 0, 0, 3, 0, 0].into_iter().chain((0..196_608).map(|n| (n % 251) as u8)).collect();
        let (sent, expected) = (message.clone(), [HELLO, &message].concat());
        let write = async {
            upstream.write_all(&sent).await.unwrap();
            drop(upstream);
        };
        let (bytes, ()) = tokio::join!(rest(&mut client), write);
        assert!(bytes == expected, "{size}");
        drop(client);
        assert_eq!(tunnel.await.unwrap().to_client, expected.len() as u64);
    }
}
