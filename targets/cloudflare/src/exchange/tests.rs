//! Exchanges without a glue: the tests play its part.

use core::time::Duration;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use edgeway_wire::Word;
use futures_util::future::{Either, join, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use gateway_core::document::pointer::Pointer;
use gateway_core::gateway::{Gateway, Length};
use gateway_core::http::content_coding::Coding;
use gateway_core::jose::algorithm::Algorithm;
use gateway_core::jose::jwk::Jwk;
use gateway_core::jose::key::{Stated, VerifyingKey};
use gateway_core::jose::signing_key::SigningKey;
use gateway_core::ports::{
    Capabilities, Clock as _, Decoding, Encoding, Fetch as _, IoErrorKind, KeyUnusable, KeyValue as _, Meeting as _,
    Peer, Scheme, Sign as _, StoreFailure, Verify as _,
};

use super::*;
use crate::wire::read_response;

/// The notes of futures, in order.
#[derive(Clone, Default)]
struct Notes(Rc<RefCell<Vec<String>>>);

impl Notes {
    fn add(&self, note: impl Into<String>) {
        self.0.borrow_mut().push(note.into());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// Begins an exchange that runs `before`, answers 204, and then runs `after`.
fn start(before: impl Future<Output = ()> + 'static, after: Option<Work>) -> bool {
    let answer = async move {
        before.await;
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = http::StatusCode::NO_CONTENT;
        Answered { reply: Reply::Http(response), after }
    };
    !begin(Box::pin(answer), Head::default()).is_null()
}

/// The commands of the last run, as kinds and slots.
fn commands() -> Vec<(Kind, u32)> {
    OUTBOX.with_borrow(Outbox::commands)
}

/// The id of the only waiting exchange.
fn id() -> u32 {
    assert_eq!(waiting(), 1);
    last_id()
}

/// The exchange that ran last.
fn last_id() -> u32 {
    OUTBOX.with_borrow(|outbox| outbox.word(0, edgeway_wire::Word::Exchange))
}

fn bytes(text: &'static str) -> Result<Completion, IoError> {
    Ok(Completion::Bytes(Bytes::from_static(text.as_bytes())))
}

/// Reads `key` and notes its value.
async fn read(key: &'static str, notes: Notes) {
    let value = Worker.get(key).await;
    notes.add(format!(
        "{key}={}",
        value.map_or("error".to_owned(), |value| String::from_utf8(value.unwrap().to_vec()).unwrap())
    ));
}

const ENDS: [(Kind, u32); 2] = [(Kind::Respond, 0), (Kind::End, 0)];

#[test]
fn an_answer_that_needs_nothing_comes_at_once_and_ends_the_exchange() {
    assert!(start(async {}, None));
    assert_eq!(commands(), ENDS);
    assert_eq!(waiting(), 0);
}

#[test]
fn two_effects_are_under_way_at_once_and_either_may_be_done_first() {
    for (first, second) in [(1, 2), (2, 1)] {
        let notes = Notes::default();
        let both = join(read("a", notes.clone()), read("b", notes.clone()));
        assert!(start(
            async {
                both.await;
            },
            None
        ));
        assert_eq!(commands(), [(Kind::Get, 1), (Kind::Get, 2)]);
        let id = id();
        assert!(!resume(id, first, |_| bytes("x")).is_null());
        assert_eq!(commands(), [], "it still waits for the other");
        assert_eq!(notes.take(), [if first == 1 { "a=x" } else { "b=x" }]);
        assert!(!resume(id, second, |_| bytes("y")).is_null());
        assert_eq!(commands(), ENDS);
        assert_eq!(notes.take(), [if second == 1 { "a=y" } else { "b=y" }]);
        assert_eq!(waiting(), 0);
    }
}

#[test]
fn the_effect_that_loses_a_race_is_aborted() {
    for (winner, loser) in [(1, 2), (2, 1)] {
        let race = async {
            let race = select(Box::pin(Worker.get("a")), Box::pin(Worker.sleep(Duration::from_millis(5))));
            drop(race.await);
            Worker.delete("after").await.unwrap();
        };
        assert!(start(race, None));
        assert_eq!(commands(), [(Kind::Get, 1), (Kind::Sleep, 2)]);
        assert_eq!(OUTBOX.with_borrow(|outbox| outbox.word(1, edgeway_wire::Word::Millis)), 5);
        let id = id();
        resume(id, winner, |_| Ok(Completion::Nothing));
        assert_eq!(commands(), [(Kind::Abort, loser), (Kind::Delete, 3)]);
        // The glue was already completing the loser, which is gone.
        assert!(!resume(id, loser, |_| Ok(Completion::Nothing)).is_null());
        assert_eq!(commands(), []);
        resume(id, 3, |_| Ok(Completion::Nothing));
        assert_eq!(commands(), ENDS);
    }
}

#[test]
fn effects_that_an_unordered_collection_holds_are_woken_each() {
    let notes = Notes::default();
    let noted = notes.clone();
    let all = async move {
        let mut reads = FuturesUnordered::new();
        for key in ["a", "b", "c"] {
            reads.push(read(key, noted.clone()));
        }
        while reads.next().await.is_some() {}
    };
    assert!(start(all, None));
    assert_eq!(commands(), [(Kind::Get, 1), (Kind::Get, 2), (Kind::Get, 3)]);
    let id = id();
    for (slot, value) in [(3, "z"), (1, "x"), (2, "y")] {
        assert!(!resume(id, slot, |_| bytes(value)).is_null());
    }
    assert_eq!(notes.take(), ["c=z", "a=x", "b=y"]);
    assert_eq!(commands(), ENDS);
}

#[test]
fn a_future_that_wakes_itself_is_polled_again() {
    let mut left = 3;
    let yields = core::future::poll_fn(move |context| {
        context.waker().wake_by_ref();
        left -= 1;
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    });
    assert!(start(yields, None));
    assert_eq!(commands(), ENDS);
}

#[test]
fn work_after_the_answer_goes_on_until_it_ends() {
    let work: Work = Box::pin(async {
        Worker.sleep(Duration::from_secs(1)).await;
        Worker.put("key", Bytes::new(), None).await.unwrap();
    });
    assert!(start(async {}, Some(work)));
    assert_eq!(commands(), [(Kind::Respond, 0), (Kind::Sleep, 1)]);
    let id = id();
    resume(id, 1, |_| Ok(Completion::Nothing));
    assert_eq!(commands(), [(Kind::Put, 2)]);
    resume(id, 2, |_| Ok(Completion::Nothing));
    assert_eq!(commands(), [(Kind::End, 0)]);
    assert_eq!(waiting(), 0);
}

#[test]
fn work_that_a_relayed_answer_leaves_is_done_in_its_exchange() {
    assert!(start(async { drop(Worker.get("a").await) }, None));
    let id = id();
    let work = |task| {
        drop(task);
        Some(Box::pin(async { Worker.sleep(Duration::from_secs(1)).await }) as Work)
    };
    assert!(!conclude(id, work).is_null());
    assert_eq!(commands(), [(Kind::Sleep, 2)]);
    resume(id, 2, |_| Ok(Completion::Nothing));
    assert_eq!(commands(), [(Kind::End, 0)]);
    assert_eq!(waiting(), 0);
}

#[test]
fn a_relayed_answer_that_leaves_no_work_is_forgotten() {
    assert!(start(async { drop(Worker.get("a").await) }, None));
    let nothing = |task| {
        drop(task);
        None
    };
    assert!(conclude(id(), nothing).is_null());
    assert_eq!(waiting(), 0);
}

#[test]
fn a_watched_exchange_waits_for_the_end_of_its_body() {
    let notes = Notes::default();
    let noted = notes.clone();
    let work: Work = Box::pin(async move {
        let Ended { sent, cut, .. } = ended().await;
        noted.add(format!("{sent:?} {cut:?}"));
        Worker.delete("place").await.unwrap();
    });
    assert!(start(async { watch() }, Some(work)));
    assert_eq!(commands(), [(Kind::Watch, 0), (Kind::Respond, 0), (Kind::Ended, 1)]);
    let id = id();
    let end = Ended { received: None, sent: Length::Counted(7), cut: Some(IoErrorKind::Closed) };
    resume(id, 1, |_| Ok(Completion::Ended(end)));
    assert_eq!(notes.take(), ["Counted(7) Some(Closed)"]);
    assert_eq!(commands(), [(Kind::Delete, 2)]);
    resume(id, 2, |_| Ok(Completion::Nothing));
    assert_eq!(commands(), [(Kind::End, 0)]);
}

/// `Fetch::observe`: whoever looks at the body in a slot sees its pieces, and those of no other exchange.
#[test]
fn the_pieces_of_a_body_are_shown_on_their_way() {
    let json = (http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    let mut observer = Observer::of(http::StatusCode::OK, &HeaderMap::from_iter([json])).unwrap();
    let found = observer.look_for(&Arc::new(Pointer::parse("/a").unwrap()));
    let before = async {
        watch();
        observe(3, Box::new(observer));
    };
    let work: Work = Box::pin(async { assert_eq!(ended().await.cut, None) });
    assert!(start(before, Some(work)));
    assert_eq!(commands(), [(Kind::Watch, 0), (Kind::Observe, 0), (Kind::Respond, 0), (Kind::Ended, 1)]);
    assert_eq!(OUTBOX.with_borrow(|outbox| outbox.word(1, edgeway_wire::Word::BodySlot)), 3);
    let id = id();
    show(id, b"{\"a\": 1");
    show(id.wrapping_add(1 << 20), b"9");
    show(id, b"2}");
    assert_eq!(found.number(), Some(12));
    resume(id, 1, |_| Ok(Completion::Ended(Ended::default())));
    assert_eq!(commands(), [(Kind::End, 0)]);
    show(id, b"}");
}

#[test]
fn what_waits_for_no_effect_has_come_to_nothing() {
    assert!(!start(core::future::pending(), None));
    assert_eq!(waiting(), 0);
}

#[test]
fn an_exchange_that_is_cancelled_is_gone_and_its_id_means_nothing() {
    assert!(start(async { drop(Worker.get("a").await) }, None));
    let id = id();
    cancel(id);
    assert_eq!(waiting(), 0);
    assert!(resume(id, 1, |_| Ok(Completion::Nothing)).is_null());
    // The next one has the same place and another id.
    assert!(start(async { drop(Worker.get("a").await) }, None));
    assert!(resume(id, 1, |_| Ok(Completion::Nothing)).is_null());
    cancel(self::id());
}

/// gateway-core, `Meeting`: an exchange that waits for another sleeps in slices of its own. The other resumes nothing of it.
#[test]
fn an_exchange_that_waits_for_another_sleeps_in_slices() {
    assert!(start(Worker.wait("a meeting", Duration::from_secs(3_600)), None));
    assert_eq!(commands(), [(Kind::Sleep, 1)]);
    let id = id();
    resume(id, 1, |_| Ok(Completion::Nothing));
    assert_eq!(commands(), [(Kind::Sleep, 2)], "nothing has come yet");
    assert!(start(async { Worker.notify("a meeting") }, None));
    assert_eq!(commands(), ENDS, "who notifies commands nothing to the other");
    resume(id, 2, |_| Ok(Completion::Nothing));
    assert_eq!(commands(), ENDS);
}

/// RFC 7517 appendix A.1.
const ES256: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;

#[test]
fn a_signature_is_checked_by_the_runtime() {
    for (completion, verdict) in [
        (Ok(Completion::Bytes(Bytes::from_static(&[1]))), Ok(true)),
        (Ok(Completion::Bytes(Bytes::from_static(&[0]))), Ok(false)),
        (Ok(Completion::Bytes(Bytes::new())), Ok(false)),
        (Err(IoError::new(IoErrorKind::Other)), Err(KeyUnusable)),
    ] {
        let notes = Notes::default();
        let noted = notes.clone();
        let answer = async move {
            let jwk = serde_json::from_str(ES256).unwrap();
            let keys = Jwk::of(&jwk).unwrap().keys(&[]).unwrap();
            let verdict = Worker.verify(&keys[0], b"signed\xff", b"signature").await;
            noted.add(format!("{verdict:?}"));
        };
        assert!(start(answer, None));
        assert_eq!(commands(), [(Kind::Verify, 1)]);
        OUTBOX.with_borrow(|outbox| {
            let mut lines = outbox.text().lines();
            assert_eq!(lines.next(), Some("ES256"));
            assert!(lines.next().unwrap().starts_with(r#"{"crv":"P-256","kty":"EC","x":""#));
            assert_eq!((lines.next(), lines.next()), (Some("9"), None));
            assert_eq!(outbox.content(0), b"signaturesigned\xff");
        });
        resume(id(), 1, |_| completion);
        assert_eq!(notes.take(), [format!("{verdict:?}")]);
    }
}

/// RFC 7515 appendix A.1: a secret does not leave the core.
#[test]
fn an_hmac_is_checked_at_once() {
    let secret = VerifyingKey::new(Algorithm::Hs256, &Stated::Secret(&[7; 32]), None).unwrap();
    let notes = Notes::default();
    let noted = notes.clone();
    assert!(start(async move { noted.add(format!("{:?}", Worker.verify(&secret, b"a", b"b").await)) }, None));
    assert_eq!((commands(), notes.take()), (ENDS.to_vec(), vec!["Ok(false)".to_owned()]));
}

/// RFC 9421 §3.1: the key crosses with what is signed, under a name by which the runtime keeps it; a shared secret stays here.
#[test]
fn a_signature_is_made_by_the_runtime() {
    let pem = include_str!("../../../../tests/keys/ed25519-a.private.pem");
    for (completion, made) in [
        (Ok(Completion::Bytes(Bytes::from_static(b"made"))), Some(&b"made"[..])),
        (Err(IoError::new(IoErrorKind::Other)), None),
    ] {
        let notes = Notes::default();
        let noted = notes.clone();
        let answer = async move {
            let key = SigningKey::private(Algorithm::EdDsa, pem).unwrap();
            noted.add(format!("{:?}", Worker.sign(&key, b"signed\xff").await.ok()));
        };
        assert!(start(answer, None));
        assert_eq!(commands(), [(Kind::Sign, 1)]);
        OUTBOX.with_borrow(|outbox| {
            let lines: Vec<&str> = outbox.text().lines().collect();
            let [algorithm, name, length] = &*lines else { panic!("{lines:?}") };
            assert_eq!((*algorithm, name.len(), *length), ("EdDSA", 64, "48"));
            let content = outbox.content(0);
            assert_eq!((content.len(), content.split_at(48).1), (48 + 7, &b"signed\xff"[..]));
        });
        resume(id(), 1, |_| completion);
        assert_eq!(notes.take(), [format!("{:?}", made.map(Bytes::from_static))]);
    }
    let secret = SigningKey::secret(Algorithm::Hs256, &[7; 32]).unwrap();
    let notes = Notes::default();
    let noted = notes.clone();
    assert!(start(async move { noted.add(Worker.sign(&secret, b"a").await.unwrap().len().to_string()) }, None));
    assert_eq!((commands(), notes.take()), (ENDS.to_vec(), vec!["32".to_owned()]));
}

/// docs/configuration.md, Flags: of the requests that come while a flag is unread, one asks the store. Where that is cancelled,
/// another does; where it is gone without a word, the same a second later.
#[test]
fn an_exchange_takes_over_the_read_of_one_that_is_gone() {
    let config = r#"{"routes": [
        {"name": "r", "match": {"prefix": "/"}, "respond": {"status": 204}, "policies": [{"maintenance": {"flag": "f"}}]}]}"#;
    for is_cancelled in [true, false] {
        let plan = gateway_core::plan::load(config, &Capabilities::CLOUDFLARE, &crate::secrets::Assumed).unwrap();
        let gateway = Rc::new(Gateway::new(plan.into(), Worker));
        let ask = || {
            let gateway = Rc::clone(&gateway);
            let answer = async move {
                let request = http::Request::get("/")
                    .header("host", "gw.test")
                    .header("x-request-id", "r")
                    .body(Body::Empty)
                    .unwrap();
                let peer = Peer::new(None, Scheme::Https);
                let mut record = gateway.begin(&request, &peer);
                let outcome = gateway.handle(request, &peer, &mut record).await;
                Answered { reply: outcome.reply, after: None }
            };
            assert!(!begin(Box::pin(answer), Head::default()).is_null());
            (commands(), last_id())
        };
        set_now(0.0);
        let (commands_of_first, first) = ask();
        assert_eq!(commands_of_first, [(Kind::Get, 1), (Kind::Sleep, 2)]);
        let (commands_of_second, second) = ask();
        assert_eq!(commands_of_second, [(Kind::Sleep, 1)]);
        if is_cancelled {
            cancel(first);
        } else {
            set_now(1_000.0);
        }
        let mut slot = 1;
        while {
            resume(second, slot, |_| Ok(Completion::Nothing));
            slot += 1;
            commands() == [(Kind::Sleep, slot)]
        } {}
        assert_eq!(commands(), [(Kind::Get, slot), (Kind::Sleep, slot + 1)]);
        resume(second, slot, |_| Ok(Completion::Nothing));
        assert_eq!(commands(), [(Kind::Abort, slot + 1), (Kind::Respond, 0), (Kind::End, 0)]);
        let (commands_of_third, _) = ask();
        assert_eq!(commands_of_third, ENDS, "the flag is known");
        if !is_cancelled {
            cancel(first);
        }
        assert_eq!(waiting(), 0);
    }
}

#[test]
fn a_body_that_nobody_takes_is_cancelled() {
    let answer = async {
        let completion = perform(Kind::Fetch, |_, _| {}).await;
        assert!(matches!(completion, Ok(Completion::Head(_))));
        drop(completion);
        Worker.get("a").await.unwrap();
    };
    assert!(start(answer, None));
    let id = id();
    let response = |heads: &mut Heads| {
        let (head, response) = read_response(200, Bytes::new(), true, 1).unwrap();
        heads.keep(1, head);
        Ok(Completion::Head(response))
    };
    resume(id, 1, response);
    assert_eq!(commands(), [(Kind::Abort, 1), (Kind::Get, 2)]);
    cancel(id);
}

#[test]
fn an_outcome_that_comes_too_late_takes_its_body_with_it() {
    let answer = async {
        let fetch = perform(Kind::Fetch, |_, _| {});
        // Done while nobody polls it, and then dropped.
        let Either::Left(_) = select(Worker.get("a").boxed(), core::future::pending::<()>()).await else { return };
        drop(fetch);
        Worker.get("b").await.unwrap();
    };
    assert!(start(answer, None));
    assert_eq!(commands(), [(Kind::Fetch, 1), (Kind::Get, 2)]);
    let id = id();
    let (_, response) = read_response(200, Bytes::new(), true, 1).unwrap();
    resume(id, 1, |_| Ok(Completion::Head(response)));
    resume(id, 2, |_| Ok(Completion::Nothing));
    assert_eq!(commands(), [(Kind::Abort, 1), (Kind::Get, 3)]);
    cancel(id);
}

#[test]
fn an_effect_outside_of_an_exchange_fails() {
    let error = Worker.get("a");
    let polled = core::pin::pin!(error).poll(&mut Context::from_waker(core::task::Waker::noop()));
    assert_eq!(polled, Poll::Ready(Err(StoreFailure::Unreachable)));
}

#[test]
fn the_lowest_of_two_limits_counts() {
    let limit = |stream| Worker.limit(stream, 5);
    assert_eq!(limit(Handle::whole(Handle::REQUEST)).into_parts(), (0, Some(5), 0));
    assert_eq!(Worker.limit(limit(Handle::whole(Handle::REQUEST)), 9).into_parts(), (0, Some(5), 0));
}

trait Boxed: Sized {
    fn boxed(self) -> Pin<Box<Self>> {
        Box::pin(self)
    }
}

impl<F: Future> Boxed for F {}

/// docs/adr/0005: work beside the answer keeps the exchange until it has ended, in whichever order.
#[test]
fn work_beside_the_task_keeps_the_exchange_until_both_have_ended() {
    let notes = Notes::default();
    let (before, copy) = (notes.clone(), notes.clone());
    assert!(start(
        async move {
            beside(Box::pin(read("copy", copy)));
            read("a", before).await;
        },
        Some(Box::pin(read("after", notes.clone())))
    ));
    assert_eq!(commands(), [(Kind::Get, 1), (Kind::Get, 2)]);
    let id = id();
    resume(id, 1, |_| bytes("x"));
    assert_eq!(commands(), [(Kind::Respond, 0), (Kind::Get, 3)]);
    resume(id, 3, |_| bytes("x"));
    assert_eq!((commands(), waiting()), (vec![], 1), "the copy has not ended");
    resume(id, 2, |_| bytes("x"));
    assert_eq!((commands(), waiting()), (vec![(Kind::End, 0)], 0));
    assert_eq!(notes.take(), ["a=x", "after=x", "copy=x"]);
}

/// Compression Standard §5: `deflate` is zlib, and bare it has another name.
#[test]
fn contents_are_decoded_by_the_runtime_one_coding_after_another() {
    let notes = Notes::default();
    let told = notes.clone();
    let decode = async move {
        let content = Bytes::from_static(b"\x1f\x8b");
        told.add(format!("{:?}", Worker.decode(content, &[Decoding::Gzip, Decoding::Deflate], 5).await));
        let zlib = Bytes::from_static(b"\x78\x9c");
        told.add(format!("{:?}", Worker.decode(zlib.clone(), &[Decoding::Deflate], u64::MAX).await));
        told.add(format!("{:?}", Worker.decode(zlib, &[Decoding::Brotli], 5).await));
    };
    assert!(start(decode, None));
    let limit = || OUTBOX.with_borrow(|outbox| [outbox.word(0, Word::LimitLow), outbox.word(0, Word::LimitHigh)]);
    let text = || OUTBOX.with_borrow(|outbox| outbox.text().to_owned());
    assert_eq!((commands(), text(), limit()), (vec![(Kind::Decode, 1)], "gzip".to_owned(), [5, 0]));
    let id = id();
    assert!(!resume(id, 1, |_| bytes("ab")).is_null());
    assert_eq!((commands(), text(), limit()), (vec![(Kind::Decode, 2)], "deflate-raw".to_owned(), [5, 0]));
    assert!(!resume(id, 2, |_| Err(IoError::new(IoErrorKind::BodyTooLarge))).is_null());
    assert_eq!((text(), limit()), ("deflate".to_owned(), [u32::MAX; 2]));
    assert!(!resume(id, 3, |_| Err(IoError::new(IoErrorKind::Client))).is_null());
    assert_eq!(notes.take(), ["Err(TooLarge)", "Err(Malformed)", "Err(Unknown)"]);
}

#[test]
fn the_content_of_an_answer_is_encoded_if_the_core_says_so() {
    let coding = || OUTBOX.with_borrow(|outbox| outbox.word(0, Word::Coding));
    let encode = async {
        let encoding = Encoding { coding: Coding::Gzip, level: 6 };
        assert!(matches!(Worker.encode(Body::Full(Bytes::from_static(b"a")), encoding), Body::Full(_)));
    };
    assert!(start(encode, None));
    assert_eq!((commands(), coding()), (ENDS.to_vec(), 1));
    assert!(start(async {}, None));
    assert_eq!(coding(), 0, "of another exchange nothing was said");
}
