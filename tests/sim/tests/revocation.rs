//! The list of revoked tokens, as another process changes it: it is honoured within its time, and costs few reads. Each property runs
//! under 256 seeds.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use edgeway_corpus::Request;
use edgeway_sim::{CAPABILITIES, Platform, Vault, World, client_request, for_every_seed, receive, run};
use gateway_core::gateway::Gateway;
use gateway_core::plan;
use gateway_core::policy::revocation::{List, Revoked};
use ring::signature::{Ed25519KeyPair, KeyPair};

const WITHIN: Duration = Duration::from_secs(60);

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a seed of 32 bytes")
}

fn token(id: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA"}"#);
    let claims =
        BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"iss":"https://id.test","jti":"{id}","iat":5,"exp":4000000000}}"#));
    let signed = format!("{header}.{claims}");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(pair().sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

fn gateway(seed: u64) -> (Rc<World>, Gateway<Platform>) {
    let x = BASE64_URL_SAFE_NO_PAD.encode(pair().public_key().as_ref());
    let config = format!(
        r#"{{"admin": {{"token": {{"secret": "ADMIN"}}}}, "issuers": {{"corp": {{"issuer": "https://id.test", "revocation": "60s",
            "keys": [{{"jwk": {{"kty": "OKP", "crv": "Ed25519", "x": "{x}"}}}}]}}}},
          "routes": [{{"name": "r", "respond": {{}}, "policies": [{{"authenticate": {{"jwt": {{}}}}}}]}}]}}"#
    );
    let plan = plan::load(&config, &CAPABILITIES, &Vault(&BTreeMap::from([("ADMIN".to_owned(), "admin".to_owned())])))
        .expect("a sound configuration");
    let world = Rc::new(World::new(seed));
    let gateway = Gateway::new(Arc::new(plan), Platform(Rc::clone(&world)));
    (world, gateway)
}

type Task<'t> = Pin<Box<dyn Future<Output = u16> + 't>>;

/// A request with this credential, to its status.
fn ask<'t>(
    world: &'t Rc<World>,
    gateway: &'t Gateway<Platform>,
    (method, path): (&str, &str),
    credential: &str,
) -> Task<'t> {
    let headers = [["authorization", &format!("Bearer {credential}")]];
    let asked = serde_json::json!({ "method": method, "url": format!("http://gw.test{path}"), "headers": headers });
    let asked: Request = serde_json::from_value(asked).expect("a request");
    let (asked, peer) = client_request(world, &asked);
    Box::pin(async move {
        world.linger().await;
        receive(gateway, asked, peer).await.status
    })
}

/// The statuses of `count` requests with the token `id`, which come together.
fn statuses(world: &Rc<World>, gateway: &Gateway<Platform>, id: &str, count: usize) -> Vec<u16> {
    let tasks = (0..count).map(|_| ask(world, gateway, ("GET", "/"), &token(id)));
    run(world, tasks).unwrap_or_else(|hang| panic!("{hang}"))
}

fn revoke(world: &World, revoked: Revoked<'_>, value: Option<&'static str>) {
    let list = List::of("https://id.test");
    world.set_value(list.marker().as_str(), Some("1"));
    world.set_value(list.entry(revoked).as_str(), value);
}

/// docs/configuration.md, Revoked tokens: a token that was taken a moment before is refused within the time, busy or not; and so
/// is one whose revocation is taken back.
#[test]
fn what_another_process_revokes_is_refused_within_its_time() {
    for_every_seed(|seed| {
        let (world, gateway) = gateway(seed);
        assert_eq!(statuses(&world, &gateway, "a", 3), [200; 3]);
        for (revoked, value) in [(Revoked::Token("a"), "1"), (Revoked::Issued, "6")] {
            for (value, status) in [(Some(value), 401), (None, 200)] {
                revoke(&world, revoked, value);
                // Whatever a request reads behind its answer meanwhile.
                for _ in 0..seed % 4 {
                    world.advance(WITHIN / 6);
                    statuses(&world, &gateway, "a", 1);
                }
                world.advance(WITHIN - WITHIN / 6 * u32::try_from(seed % 4).unwrap());
                assert_eq!(statuses(&world, &gateway, "a", 3), [status; 3], "{revoked:?} {value:?}");
            }
        }
    });
}

/// docs/configuration.md, Revoked tokens: an issuer without entries costs one read in half of its time, however many tokens it has.
#[test]
fn an_issuer_without_entries_costs_few_reads() {
    for_every_seed(|seed| {
        let (world, gateway) = gateway(seed);
        for (name, reads) in [("a", 1), ("b", 1), ("c", 1)] {
            assert_eq!(statuses(&world, &gateway, name, 20), [200; 20]);
            assert_eq!(world.reads.get(), reads);
        }
        world.advance(WITHIN / 2);
        statuses(&world, &gateway, "a", 20);
        assert_eq!(world.reads.get(), 2);
        revoke(&world, Revoked::Token("x"), Some("1"));
        world.advance(WITHIN);
        statuses(&world, &gateway, "a", 1);
        let before = world.reads.get();
        assert_eq!(before, 2 + 2 + 1, "the marker, the time of the issuer, and the token's own entry");
        for _ in 0..100 {
            statuses(&world, &gateway, "a", 1);
        }
        assert_eq!(world.reads.get(), before);
    });
}

/// docs/configuration.md, Revoked tokens: while the store can't answer, what was known last holds for ten times as long; then, and
/// where nothing ever was known, the answer is 503: never a token that may be revoked.
#[test]
fn a_store_that_is_away_lets_nothing_through_for_long() {
    for_every_seed(|seed| {
        let (world, gateway) = gateway(seed);
        world.stores_fail.set(true);
        assert_eq!(statuses(&world, &gateway, "a", 5), [503; 5]);
        world.stores_fail.set(false);
        world.advance(Duration::from_secs(5));
        revoke(&world, Revoked::Token("b"), Some("1"));
        assert_eq!((statuses(&world, &gateway, "a", 1), statuses(&world, &gateway, "b", 1)), (vec![200], vec![401]));
        world.stores_fail.set(true);
        for _ in 0..9 {
            world.advance(WITHIN);
            assert_eq!(
                (statuses(&world, &gateway, "a", 1), statuses(&world, &gateway, "b", 1)),
                (vec![200], vec![401])
            );
        }
        world.advance(WITHIN);
        assert_eq!(statuses(&world, &gateway, "a", 5), [503; 5]);
        world.stores_fail.set(false);
        world.advance(Duration::from_secs(5));
        assert_eq!(
            (statuses(&world, &gateway, "a", 2), statuses(&world, &gateway, "b", 2)),
            (vec![200; 2], vec![401; 2])
        );
    });
}

/// docs/configuration.md, Revoked tokens: the process that answers the admin endpoint goes by it at once, whatever requests were under way;
/// and none of those is answered by 503 for it.
#[test]
fn what_this_process_revokes_is_refused_at_once() {
    for_every_seed(|seed| {
        let (world, gateway) = gateway(seed);
        revoke(&world, Revoked::Token("another"), Some("1"));
        for (method, status) in [("PUT", 401), ("DELETE", 200)] {
            let change = ask(&world, &gateway, (method, "/.edgeway/revocations/corp/jti/a"), "admin");
            let tasks = (0..5).map(|_| ask(&world, &gateway, ("GET", "/"), &token("a"))).chain([change]);
            let during = run(&world, tasks).unwrap_or_else(|hang| panic!("{hang}"));
            assert!(during.iter().all(|status| [200, 401].contains(status)), "{during:?}");
            assert_eq!(during.last(), Some(&200));
            assert_eq!(statuses(&world, &gateway, "a", 3), [status; 3], "after {method}");
        }
    });
}
