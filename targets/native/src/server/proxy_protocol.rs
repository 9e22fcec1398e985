//! The header of the PROXY protocol, by which a balancer states the client of a connection (HAProxy, "The PROXY protocol",
//! versions 1 and 2).

use std::net::IpAddr;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::operation::{Failure, Failures};

/// The shortest header of version 1: `PROXY UNKNOWN` and a line break.
const SHORTEST: usize = 15;

/// The longest header of version 1, with its line break (§2.1).
const LONGEST_V1: usize = 107;

/// The bytes of version 2 before the addresses (§2.2).
const START_V2: usize = 16;

/// The longest rest of a header of version 2: addresses, and what else the balancer tells.
const LONGEST_V2: usize = 4096;

/// The client of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// Whoever has connected: the balancer itself asks, or does not tell for whom (§2.1 `UNKNOWN`, §2.2 `LOCAL`).
    Sender,
    /// This address.
    Address(IpAddr),
}

/// Reads the header at the start of `stream`, and no byte more; `None` if there is none, or none that is well-formed.
///
/// Another end than with a header is counted in `failures`, unless nothing at all came: then somebody looked whether the port is open.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S, failures: &Failures) -> Option<Client> {
    let mut header = vec![stream.read_u8().await.ok()?];
    let attempt = failures.attempt(Failure::ProxyHeader);
    header.resize(SHORTEST, 0);
    stream.read_exact(header.get_mut(1..)?).await.ok()?;
    if header.starts_with(v2::PROTOCOL_PREFIX) {
        header.push(stream.read_u8().await.ok()?);
        let length = usize::from(u16::from_be_bytes([*header.get(START_V2 - 2)?, *header.get(START_V2 - 1)?]));
        if length > LONGEST_V2 {
            return None;
        }
        header.resize(START_V2 + length, 0);
        stream.read_exact(header.get_mut(START_V2..)?).await.ok()?;
    } else if header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        // Byte by byte: what follows is not the header's.
        while !header.ends_with(b"\r\n") {
            if header.len() >= LONGEST_V1 {
                return None;
            }
            header.push(stream.read_u8().await.ok()?);
        }
    }
    let client = client(&header)?;
    attempt.succeeded();
    Some(client)
}

fn client(header: &[u8]) -> Option<Client> {
    match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => Some(match header.addresses {
            v1::Addresses::Tcp4(addresses) => Client::Address(addresses.source_address.into()),
            v1::Addresses::Tcp6(addresses) => Client::Address(addresses.source_address.into()),
            v1::Addresses::Unknown => Client::Sender,
        }),
        HeaderResult::V2(Ok(header)) => Some(match (header.command, header.addresses) {
            (v2::Command::Proxy, v2::Addresses::IPv4(addresses)) => Client::Address(addresses.source_address.into()),
            (v2::Command::Proxy, v2::Addresses::IPv6(addresses)) => Client::Address(addresses.source_address.into()),
            _ => Client::Sender,
        }),
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reading(mut bytes: &[u8]) -> (Option<Client>, &[u8]) {
        let read = read(&mut bytes, &Failures::default()).await;
        (read, bytes)
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [b"\r\n\r\n\0\r\nQUIT\n", &[0x20 | command, family][..], &length, rest].concat()
    }

    /// §2.1, §2.2: the header alone is taken; what follows is the client's.
    #[tokio::test]
    async fn reads_both_versions_and_no_byte_more() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0x30, 0x39, 0x01, 0xbb];
        let mut v6 = [0; 36];
        v6[..16].copy_from_slice(&std::net::Ipv6Addr::LOCALHOST.octets());
        let with_more = [&v4[..], &[0x04, 0, 3, b'a', b'b', b'c']].concat();
        for (header, client) in [
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 12345 443\r\n".to_vec(), "192.0.2.1"),
            (b"PROXY TCP6 2001:db8::1 ::1 12345 443\r\n".to_vec(), "2001:db8::1"),
            (v2(1, 0x11, &v4), "192.0.2.1"),
            (v2(1, 0x11, &with_more), "192.0.2.1"),
            (v2(1, 0x21, &v6), "::1"),
        ] {
            let bytes = [&header, &b"GET /"[..]].concat();
            assert_eq!(reading(&bytes).await, (Some(Client::Address(client.parse().unwrap())), &b"GET /"[..]));
        }
        for header in [b"PROXY UNKNOWN\r\n".to_vec(), b"PROXY UNKNOWN ff 1 2\r\n".to_vec(), v2(0, 0, &[])] {
            let bytes = [&header, &b"GET /"[..]].concat();
            assert_eq!(reading(&bytes).await, (Some(Client::Sender), &b"GET /"[..]));
        }
    }

    #[tokio::test]
    async fn refuses_what_is_malformed_or_endless() {
        let endless = [b"PROXY TCP4 ".to_vec(), vec![b'1'; 10_000]].concat();
        let huge = v2(1, 0x11, &[0; 5000]);
        let unknown_version = [b"\r\n\r\n\0\r\nQUIT\n", &[0x31, 0x11, 0, 0][..]].concat();
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.1 198.51.100.1 12345\r\n",
            b"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
            b"PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n",
            b"PROXY",
            &endless,
            &huge,
            &unknown_version,
            &v2(1, 0x11, &[192, 0, 2]),
        ] {
            assert_eq!(reading(bytes).await.0, None, "{}", bytes.escape_ascii());
        }
    }
}
