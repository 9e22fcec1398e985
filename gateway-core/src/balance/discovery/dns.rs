//! DNS: the addresses of a name (RFC 1035, RFC 3596), and the services at it (RFC 2782), over HTTPS (RFC 8484) as well.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

use super::{Seen, Told, Untold, Where};

/// A kind of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// Addresses of IPv4.
    A,
    /// Addresses of IPv6.
    Aaaa,
    /// Services: hosts with ports, priorities and weights.
    Srv,
}

/// The places that the name servers of a platform tell of, and the time for which they hold.
pub type Records = Told;

/// The question for the records of this kind of `name`; none if that is no name. Its ID is 0, so that caches know it (RFC 8484 §4.1).
pub(super) fn question(name: &str, record: Record) -> Option<Box<[u8]>> {
    let mut packet = Packet::new_query(0);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let kind = match record {
        Record::A => TYPE::A,
        Record::Aaaa => TYPE::AAAA,
        Record::Srv => TYPE::SRV,
    };
    let name = Name::new(name).ok()?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().ok().map(Vec::into_boxed_slice)
}

/// Reads a message with records of this kind. Aliases on the way are of no interest: whoever recurses has followed them.
pub(super) fn read(message: &[u8], record: Record) -> Result<Told, Untold> {
    let packet = Packet::parse(message).map_err(|_| Untold::Malformed)?;
    let code = packet.rcode();
    if code != RCODE::NoError {
        return Err(Untold::Code(code as u16));
    }
    let mut told = Told::default();
    for answer in &packet.answers {
        let seen = match (&answer.rdata, record) {
            (RData::A(a), Record::A) => Seen::plain(address(Ipv4Addr::from(a.address).to_string())),
            (RData::AAAA(a), Record::Aaaa) => Seen::plain(address(Ipv6Addr::from(a.address).to_string())),
            (RData::SRV(service), Record::Srv) => {
                match of_service(&service.target.to_string(), (service.priority, service.weight), service.port) {
                    Some(seen) => seen,
                    None => continue,
                }
            }
            _ => continue,
        };
        told.places.push(seen);
        let life = Duration::from_secs(answer.ttl.into());
        told.life = Some(told.life.map_or(life, |least| least.min(life)));
    }
    Ok(told)
}

const fn address(text: String) -> Where {
    Where::Host(text, None)
}

/// The place of a record of services; none if that says that there is none here (RFC 2782, "Target").
#[must_use]
pub fn of_service(target: &str, (priority, weight): (u16, u16), port: u16) -> Option<Seen> {
    let target = target.trim_end_matches('.');
    if target.is_empty() || port == 0 {
        return None;
    }
    // "Domain administrators SHOULD use Weight 0 when there isn't any server selection to do": a small share beside others.
    Some(Seen {
        at: Where::Host(target.to_owned(), Some(port)),
        weight: u32::from(weight).max(1),
        priority: priority.into(),
        zone: None,
    })
}

#[cfg(test)]
mod tests {
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::{A, SRV};

    use super::*;

    fn message(records: &[(RData<'static>, u32)]) -> Vec<u8> {
        let mut packet = Packet::new_reply(0);
        for (data, ttl) in records {
            packet.answers.push(ResourceRecord::new(Name::new_unchecked("a.test"), CLASS::IN, *ttl, data.clone()));
        }
        packet.build_bytes_vec().unwrap()
    }

    #[test]
    fn addresses_hold_for_the_shortest_of_their_times() {
        let a = |last: u8, ttl| (RData::A(A { address: u32::from_be_bytes([10, 0, 0, last]) }), ttl);
        let told = read(&message(&[a(1, 60), a(2, 20)]), Record::A).unwrap();
        let seen = |host: &str| Seen::plain(Where::Host(host.to_owned(), None));
        assert_eq!(told.places, [seen("10.0.0.1"), seen("10.0.0.2")]);
        assert_eq!(told.life, Some(Duration::from_secs(20)));
        assert_eq!(read(&message(&[a(1, 60)]), Record::Aaaa).unwrap(), Told::default());
        assert_eq!(read(b"\0\x01", Record::A), Err(Untold::Malformed));
    }

    /// RFC 2782: priorities, weights, and the target `.`, which says that there is no such service.
    #[test]
    fn services_have_priorities_and_weights() {
        let srv = |target: &'static str, priority, weight, port| {
            (RData::SRV(SRV { priority, weight, port, target: Name::new_unchecked(target) }), 30)
        };
        let told =
            read(&message(&[srv("b.test", 10, 60, 81), srv("c.test", 20, 0, 82), srv("", 0, 0, 1)]), Record::Srv);
        let seen = |host: &str, port, weight, priority| Seen {
            at: Where::Host(host.to_owned(), Some(port)),
            weight,
            priority,
            zone: None,
        };
        assert_eq!(told.unwrap().places, [seen("b.test", 81, 60, 10), seen("c.test", 82, 1, 20)]);
    }

    /// RFC 8484 §4.1: the ID is 0. RFC 1035 §4.1.
    #[test]
    fn a_question_is_a_message() {
        let expected = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x21\0\x01";
        assert_eq!(question("a.test", Record::Srv).as_deref(), Some(&expected[..]));
        assert_eq!(question(&"a".repeat(64), Record::A), None);
    }

    /// RFC 1035 §4.1.1: 3 is "Name Error".
    #[test]
    fn a_response_code_is_no_empty_list() {
        let mut refused = message(&[]);
        refused[3] |= 3;
        assert_eq!(read(&refused, Record::A), Err(Untold::Code(3)));
    }
}
