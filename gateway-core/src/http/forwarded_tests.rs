//! Chains of proxies, honest and forged.

use super::*;
use crate::http::testing::{fields, lines};

const PROXY: &str = "10.0.0.9";
const CLIENT: &str = "203.0.113.7";

fn proxies(list: &[&str]) -> TrustedProxies {
    TrustedProxies::parse(&list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn trusted() -> TrustedProxies {
    proxies(&["10.0.0.0/8", "2001:db8:ffff::/48"])
}

fn peer(address: &str) -> Peer {
    Peer::new(Some(address.parse().unwrap()), Scheme::Http)
}

fn address_of(list: &[(&str, &str)]) -> Option<String> {
    trusted().client(&fields(list), &peer(PROXY)).address.map(|address| address.to_string())
}

/// The fields that the upstream is sent, as sorted lines.
fn rewritten(proxies: &TrustedProxies, from: &Peer, list: &[(&str, &str)]) -> Vec<String> {
    let mut headers = fields(list);
    let client = proxies.client(&headers, from);
    proxies.drop_unbelieved(&mut headers, from, &client);
    proxies.announce(&mut headers, from, &client, Some(&HeaderValue::from_static("api.example")));
    lines(&headers)
}

#[test]
fn bad_entries_are_reported_with_their_places() {
    let entries = ["10.0.0.0/8", "nonsense", "10.0.0.1/8", "::1"].map(str::to_owned);
    let errors = TrustedProxies::parse(&entries).unwrap_err();
    assert_eq!(errors.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2]);
}

/// docs/configuration.md, Server: `unix:` trusts whoever connects over a Unix socket, and no peer whose address is unknown.
#[test]
fn a_proxy_over_a_unix_socket_is_trusted_where_the_configuration_says_so() {
    let list = [("x-forwarded-for", CLIENT), ("x-forwarded-proto", "https"), ("x-forwarded-host", "shop.example")];
    let socket = Peer::over_unix_socket();
    let client = proxies(&["unix:"]).client(&fields(&list), &socket);
    let (address, host) = (CLIENT.parse().unwrap(), HeaderValue::from_static("shop.example"));
    assert_eq!((client.address, client.scheme, client.host), (Some(address), Scheme::Https, Some(host)));
    let sent = rewritten(&proxies(&["unix:"]), &socket, &list);
    assert!(sent.contains(&format!("x-forwarded-for: {CLIENT}")), "{sent:?}");
    let sent =
        rewritten(&proxies(&["unix:"]), &socket, &[("x-forwarded-for", "_hidden"), ("forwarded", "for=_hidden")]);
    assert!(sent.contains(&"x-forwarded-for: unknown".to_owned()) && sent.len() == 3, "{sent:?}");
    for (trusting, from) in [
        (proxies(&["10.0.0.0/8"]), socket),
        (proxies(&["unix:"]), peer(PROXY)),
        (proxies(&["unix:"]), Peer::new(None, Scheme::Http)),
    ] {
        assert_eq!(trusting.client(&fields(&list), &from).scheme, Scheme::Http, "{from:?}");
    }
}

#[test]
fn mapped_addresses_are_the_ipv4_ones() {
    assert!(trusted().contains("::ffff:10.1.2.3".parse().unwrap()));
    assert!(proxies(&["::ffff:10.0.0.0/104"]).contains("10.1.2.3".parse().unwrap()));
    let client = trusted().client(&HeaderMap::new(), &peer("::ffff:203.0.113.7"));
    assert_eq!(client.address, Some(CLIENT.parse().unwrap()));
}

#[test]
fn an_untrusted_peer_is_the_client_whatever_it_says() {
    let forged = fields(&[
        ("forwarded", "for=1.1.1.1;proto=https;host=evil"),
        ("x-forwarded-for", "1.1.1.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil"),
    ]);
    let expected = ClientInfo {
        address: Some(CLIENT.parse().unwrap()),
        scheme: Scheme::Http,
        host: None,
        port: None,
        prefix: None,
    };
    assert_eq!(trusted().client(&forged, &peer(CLIENT)), expected);
    assert_eq!(TrustedProxies::default().client(&forged, &peer(CLIENT)), expected);
    let nobody = Peer::new(None, Scheme::Https);
    assert_eq!(proxies(&["0.0.0.0/0", "::/0"]).client(&forged, &nobody).address, None);
}

/// The first address from the end that is no trusted proxy's; what is left of it anybody may have written.
#[test]
fn the_chain_is_read_from_its_end() {
    for (chain, client) in [
        ("203.0.113.7", Some(CLIENT)),
        ("1.1.1.1, 203.0.113.7", Some(CLIENT)),
        ("1.1.1.1, 203.0.113.7, 10.0.0.2,10.0.0.1", Some(CLIENT)),
        ("unknown, 203.0.113.7, 10.0.0.2", Some(CLIENT)),
        ("203.0.113.7:4711", Some(CLIENT)),
        ("[2001:db8::7]:4711, 10.0.0.2", Some("2001:db8::7")),
        ("2001:db8::7, 2001:db8:ffff::1", Some("2001:db8::7")),
        ("::ffff:203.0.113.7", Some(CLIENT)),
        ("203.0.113.7,,", Some(CLIENT)),
        // All are trusted: the farthest.
        ("10.0.0.3, 10.0.0.2", Some("10.0.0.3")),
        ("", Some(PROXY)),
        // Hidden or broken: nothing beyond it is believed.
        ("203.0.113.7, unknown", None),
        ("203.0.113.7, _hidden, 10.0.0.2", None),
        ("203.0.113.7, 10.0.0.999", None),
    ] {
        assert_eq!(address_of(&[("x-forwarded-for", chain)]).as_deref(), client, "{chain}");
    }
    assert_eq!(address_of(&[("x-forwarded-for", CLIENT), ("x-forwarded-for", "10.0.0.2")]).as_deref(), Some(CLIENT));
    assert_eq!(address_of(&[]).as_deref(), Some(PROXY));
}

/// RFC 7239 §4, §6 and §7.4.
#[test]
fn forwarded_is_read_the_same_way() {
    for (chain, client) in [
        ("for=203.0.113.7", Some(CLIENT)),
        ("for=1.1.1.1, for=203.0.113.7;by=10.0.0.1, FOR=\"10.0.0.2:80\"", Some(CLIENT)),
        ("for=\"[2001:db8::7]:4711\"", Some("2001:db8::7")),
        ("for=\"_a, for=1.1.1.1\", for=10.0.0.2", None),
        ("for=unknown, for=10.0.0.2", None),
        ("for=203.0.113.7, for=_secret", None),
        ("proto=https", None),
        // One forged quote must not swallow what the proxy appended.
        ("for=\"1.1.1.1, for=203.0.113.7", None),
        ("for=1.1.1.1;for=2.2.2.2", None),
    ] {
        assert_eq!(address_of(&[("forwarded", chain)]).as_deref(), client, "{chain}");
    }
    assert_eq!(address_of(&[("forwarded", "for=1.1.1.1"), ("forwarded", "for=203.0.113.7")]).as_deref(), Some(CLIENT));
}

#[test]
fn fields_that_contradict_are_not_believed() {
    assert_eq!(address_of(&[("forwarded", "for=203.0.113.7"), ("x-forwarded-for", CLIENT)]).as_deref(), Some(CLIENT));
    assert_eq!(address_of(&[("forwarded", "for=1.1.1.1"), ("x-forwarded-for", CLIENT)]), None);
    assert_eq!(address_of(&[("forwarded", "nonsense"), ("x-forwarded-for", CLIENT)]), None);
}

#[test]
fn scheme_and_host_come_from_the_nearest_proxy() {
    let client = |list: &[(&str, &str)]| {
        let client = trusted().client(&fields(list), &peer(PROXY));
        (client.scheme, client.host.map(|host| host.to_str().unwrap().to_owned()))
    };
    let some = |host: &str| Some(host.to_owned());
    let forwarded_for = ("x-forwarded-for", CLIENT);
    assert_eq!(
        client(&[forwarded_for, ("x-forwarded-proto", "HTTPS"), ("x-forwarded-host", "a.example:8443")]),
        (Scheme::Https, some("a.example:8443"))
    );
    assert_eq!(
        client(&[forwarded_for, ("x-forwarded-proto", "https, http"), ("x-forwarded-host", "evil, a.example")]),
        (Scheme::Http, some("a.example"))
    );
    assert_eq!(client(&[("x-forwarded-proto", "https")]), (Scheme::Https, None));
    for (text, port) in [("8443", Some(8443)), ("1, 8443", Some(8443)), ("", None), ("x", None), ("65536", None)] {
        assert_eq!(trusted().client(&fields(&[("x-forwarded-port", text)]), &peer(PROXY)).port, port, "{text}");
    }
    assert_eq!(
        client(&[forwarded_for, ("x-forwarded-proto", "ftp"), ("x-forwarded-host", "a/b")]),
        (Scheme::Http, None)
    );
    assert_eq!(
        client(&[(
            "forwarded",
            "for=203.0.113.7;proto=https;host=\"a.example:1\", for=10.0.0.2;proto=http;host=inner"
        )]),
        (Scheme::Https, some("a.example:1"))
    );
}

/// Every claim of an untrusted peer goes, in every spelling, and is made anew.
#[test]
fn claims_of_untrusted_peers_are_replaced() {
    let names = [
        "forwarded",
        "forwarded-for",
        "x-forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-server",
        "x-forwarded-scheme",
        "x-forwarded-ssl",
        "x_forwarded_for",
        "x.forwarded.for",
        "x-forwarded_host",
        "x-real-ip",
        "x_real_ip",
        "true-client-ip",
        "true.client.ip",
        "cf-connecting-ip",
        "cf_connecting_ip",
        "fastly-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-url",
        "x-rewrite-url",
        "x-original-host",
        "x!forwarded!for",
        "xforwardedhost",
        "x-for-warded-proto",
        "x~real~ip",
        "client-ip",
        "fly-client-ip",
    ];
    let mut list: Vec<_> = names.iter().map(|name| (*name, "1.1.1.1")).collect();
    list.push(("x-forwarded-for", "2.2.2.2"));
    list.push(("x-request-id", "kept"));
    for proxies in [TrustedProxies::default(), trusted()] {
        assert_eq!(
            rewritten(&proxies, &peer(CLIENT), &list),
            [
                "x-forwarded-for: 203.0.113.7",
                "x-forwarded-host: api.example",
                "x-forwarded-proto: http",
                "x-request-id: kept"
            ]
        );
    }
}

#[test]
fn an_unknown_peer_leaves_no_address() {
    let nobody = Peer::new(None, Scheme::Https);
    assert_eq!(
        rewritten(&trusted(), &nobody, &[("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=1.1.1.1")]),
        ["x-forwarded-host: api.example", "x-forwarded-proto: https"]
    );
}

#[test]
fn a_trusted_chain_goes_on() {
    assert_eq!(
        rewritten(
            &trusted(),
            &peer(PROXY),
            &[
                ("x-forwarded-for", "1.1.1.1, 203.0.113.7"),
                ("x-forwarded-for", "10.0.0.2"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "shop.example"),
                ("x-forwarded-port", "443"),
            ]
        ),
        [
            "x-forwarded-for: 1.1.1.1, 203.0.113.7, 10.0.0.2, 10.0.0.9",
            "x-forwarded-host: shop.example",
            "x-forwarded-port: 443",
            "x-forwarded-proto: https",
        ]
    );
}

/// RFC 7239 §4: each proxy appends its element; IPv6 nodes are quoted (§6).
#[test]
fn forwarded_goes_on_where_it_has_begun() {
    assert_eq!(
        rewritten(
            &trusted(),
            &peer("2001:db8:ffff::1"),
            &[("forwarded", "for=203.0.113.7;proto=https;host=shop.example")]
        ),
        [
            "forwarded: for=203.0.113.7;proto=https;host=shop.example, for=\"[2001:db8:ffff::1]\";host=api.example;proto=http",
            "x-forwarded-for: 203.0.113.7, 2001:db8:ffff::1",
            "x-forwarded-host: shop.example",
            "x-forwarded-proto: https",
        ]
    );
    assert_eq!(
        rewritten(&trusted(), &peer(PROXY), &[]),
        ["x-forwarded-for: 10.0.0.9", "x-forwarded-host: api.example", "x-forwarded-proto: http"]
    );
}

/// RFC 7239 §8.1: before anything can read it.
#[test]
fn what_is_not_believed_is_gone() {
    let left = |from: &str, list: &[(&str, &str)]| {
        let mut headers = fields(list);
        let client = trusted().client(&headers, &peer(from));
        trusted().drop_unbelieved(&mut headers, &peer(from), &client);
        lines(&headers)
    };
    let all = [("forwarded", "for=203.0.113.7"), ("x-forwarded-for", CLIENT), ("x-forwarded-proto", "https")];
    assert!(left(CLIENT, &all).is_empty());
    assert_eq!(left(PROXY, &all).len(), 3);
    let contradicting = [("forwarded", "for=1.1.1.1"), ("x-forwarded-for", CLIENT), ("x-real-ip", CLIENT)];
    assert!(left(PROXY, &contradicting).is_empty());
}

#[test]
fn contradictions_do_not_go_on() {
    assert_eq!(
        rewritten(&trusted(), &peer(PROXY), &[("forwarded", "for=1.1.1.1"), ("x-forwarded-for", CLIENT)]),
        ["x-forwarded-for: unknown, 10.0.0.9", "x-forwarded-host: api.example", "x-forwarded-proto: http"]
    );
}

/// A proxy that sets one field passes its client's forgery of another on.
#[test]
fn forgeries_past_a_trusted_proxy_are_dropped() {
    assert_eq!(
        rewritten(
            &trusted(),
            &peer(PROXY),
            &[
                ("x-forwarded-for", CLIENT),
                ("x_forwarded_for", "1.1.1.1"),
                ("x-real-ip", "1.1.1.1"),
                ("cf-connecting-ip", CLIENT),
                ("true_client_ip", CLIENT),
                ("x-forwarded-f-or", "1.1.1.1"),
                ("x-forwarded!port", "1"),
                ("x-forwarded-server", "lb"),
            ]
        ),
        [
            "cf-connecting-ip: 203.0.113.7",
            "x-forwarded-for: 203.0.113.7, 10.0.0.9",
            "x-forwarded-host: api.example",
            "x-forwarded-proto: http",
            "x-forwarded-server: lb",
        ]
    );
}

/// A gateway reads the client that the gateway before it has sent.
#[test]
fn a_gateway_behind_a_gateway_finds_the_same_client() {
    for list in [&[("x-forwarded-for", CLIENT)][..], &[("forwarded", "for=203.0.113.7;proto=https")], &[]] {
        let mut headers = fields(list);
        let first = trusted().client(&headers, &peer(PROXY));
        trusted().drop_unbelieved(&mut headers, &peer(PROXY), &first);
        trusted().announce(&mut headers, &peer(PROXY), &first, None);
        let second = trusted().client(&headers, &peer("10.0.0.1"));
        assert_eq!((second.address, second.scheme), (first.address, first.scheme), "{list:?}");
    }
}
