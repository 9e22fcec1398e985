//! The settings of WebSockets.

use gateway_core::plan;
use gateway_core::ports::Capabilities;

use super::{Vault, said, said_on, words};

#[test]
fn web_sockets_are_refused_where_the_platform_has_none() {
    let with = |member: &str| {
        format!(
            r#"{{"upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [
            {{"name": "r", "match": {{"path": "/"}}, "upstream": "u"{member}}}]}}"#
        )
    };
    let on = |platform: &Capabilities, member: &str| -> Vec<(String, String)> {
        let said = said_on(platform, &with(member), &Vault("", ""));
        said.into_iter().map(|diagnostic| (diagnostic.path, diagnostic.message)).collect()
    };
    let all = [Capabilities::NATIVE, Capabilities::CLOUDFLARE, Capabilities::SPIN];
    for platform in &all {
        for member in ["", r#", "webSocket": false"#, r#", "webSocket": null"#] {
            assert_eq!(on(platform, member), [], "{}: {member}", platform.name);
        }
    }
    let refused = |path: &str, message: &str| (path.to_owned(), message.to_owned());
    for member in [r#", "webSocket": true"#, r#", "webSocket": {}"#, r#", "webSocket": {"idle": "1s"}"#] {
        assert_eq!(on(&Capabilities::NATIVE, member), [], "{member}");
        let because = refused("routes[0].webSocket", "on Spin, no WebSockets are passed on");
        assert_eq!(on(&Capabilities::SPIN, member), [because], "{member}");
    }
    // Workers hand them on without a say in how long they stand.
    let words = "on Cloudflare Workers, the runtime decides how long a WebSocket stands";
    assert_eq!(
        on(&Capabilities::CLOUDFLARE, r#", "webSocket": {"idle": "1s", "life": "0s"}"#),
        [refused("routes[0].webSocket.idle", words), refused("routes[0].webSocket.life", words)]
    );
    assert_eq!(on(&Capabilities::CLOUDFLARE, r#", "webSocket": true"#), []);
    assert_eq!(
        on(&Capabilities::NATIVE, r#", "webSocket": {"idle": "2s", "life": "1s"}"#),
        [refused("routes[0].webSocket.idle", "`life` is over before `idle`")]
    );
    assert_eq!(on(&Capabilities::NATIVE, r#", "webSocket": {"idle": "2s", "life": "0s"}"#), []);
    assert!(plan::takes_web_sockets_unsaid(&with("")));
    assert!(!plan::takes_web_sockets_unsaid(&with(r#", "webSocket": false"#)));
    assert!(!plan::takes_web_sockets_unsaid("{"));
}

#[test]
fn only_a_route_to_an_upstream_takes_web_sockets() {
    let text = r#"{"routes": [{"name": "r", "match": {"path": "/"}, "respond": {}, "webSocket": true}]}"#;
    assert_eq!(words(&said(text)), [("routes[0].webSocket", "only a route to an upstream can take WebSockets")]);
    assert!(!plan::takes_web_sockets_unsaid(text));
}

/// Without limits stated, those of the documentation hold; `0s` is without limit.
#[test]
fn web_sockets_have_limits() {
    let limits = |member: &str| {
        let text = format!(
            r#"{{"upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [
            {{"name": "r", "match": {{"path": "/"}}, "upstream": "u"{member}}}]}}"#
        );
        let plan = plan::load(&text, &Capabilities::NATIVE, &Vault("", "")).unwrap();
        let plan::Action::Proxy(proxy) = &plan.routes[0].action else { unreachable!() };
        proxy.web_socket.map(|limits| [limits.idle, limits.life].map(|limit| limit.map(|limit| limit.as_secs())))
    };
    for member in ["", r#", "webSocket": true"#, r#", "webSocket": {}"#] {
        assert_eq!(limits(member), Some([Some(600), Some(86_400)]), "{member}");
    }
    assert_eq!(limits(r#", "webSocket": false"#), None);
    assert_eq!(limits(r#", "webSocket": {"idle": "0s"}"#), Some([None, Some(86_400)]));
    assert_eq!(limits(r#", "webSocket": {"idle": "5s", "life": "1m"}"#), Some([Some(5), Some(60)]));
}

/// docs/configuration.md, WebSockets: a place must not come free under a live socket.
#[test]
fn no_socket_has_a_place_where_none_can_be_ended() {
    let load = |member: &str| {
        let text = format!(
            r#"{{"upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [{{"name": "r", "match": {{"path": "/"}},
            "upstream": "u", "timeouts": {{"total": "1h"}}, "policies": [{{"concurrency": {{"limit": 1}}}}]{member}}}]}}"#
        );
        plan::load(&text, &Capabilities::CLOUDFLARE, &Vault("", ""))
    };
    for member in ["", r#", "webSocket": false"#] {
        let plan = load(member).unwrap();
        let plan::Action::Proxy(proxy) = &plan.routes[0].action else { unreachable!() };
        assert_eq!(proxy.web_socket, None, "{member}");
    }
    for member in [r#", "webSocket": true"#, r#", "webSocket": {}"#] {
        let message = "on Cloudflare Workers, a WebSocket could outlive its place under a limit on concurrency";
        assert_eq!(words(&load(member).unwrap_err()), [("routes[0].webSocket", message)], "{member}");
    }
}

/// docs/configuration.md, WebSockets: a place must not come free under a live socket.
#[test]
fn a_socket_with_a_place_ends_before_its_lease() {
    let with = |member: &str| {
        format!(
            r#"{{"upstreams": {{"u": {{"url": "http://u.test"}}}}, "routes": [{{"name": "r", "match": {{"path": "/"}},
            "upstream": "u", "timeouts": {{"total": "1h"}}, "policies": [{{"concurrency": {{"limit": 1}}}}]{member}}}]}}"#
        )
    };
    let life = |member: &str| {
        let plan = plan::load(&with(member), &Capabilities::NATIVE, &Vault("", "")).unwrap();
        let plan::Action::Proxy(proxy) = &plan.routes[0].action else { unreachable!() };
        proxy.web_socket.and_then(|limits| limits.life).map(|life| life.as_secs())
    };
    assert_eq!(life(""), Some(3_600));
    assert_eq!(life(r#", "webSocket": {"life": "5m"}"#), Some(300));
    assert_eq!(life(r#", "webSocket": false"#), None);
    for life in ["2h", "0s"] {
        let said = said(&with(&format!(r#", "webSocket": {{"idle": "1m", "life": "{life}"}}"#)));
        let message = "with a limit on concurrency, no socket stands longer than the `total` deadline";
        assert_eq!(words(&said), [("routes[0].webSocket.life", message)], "{life}");
    }
}
