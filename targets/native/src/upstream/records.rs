//! The records of names: what name servers say beyond addresses.

use std::net::SocketAddr;
use std::time::Duration;

use gateway_core::balance::discovery::{Seen, Where, of_service};
use gateway_core::ports::{Record, Records};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name as HickoryName, RData, RecordType};

/// Asks the name servers of the system, or this one, for the records of this kind of `name`.
///
/// # Errors
/// There are none, or nobody can be asked: the reason in words.
pub(crate) async fn records(name: &str, record: Record, server: Option<SocketAddr>) -> Result<Records, Box<str>> {
    // For each question a resolver of its own: the system's settings may have changed, and the answers are remembered elsewhere.
    let builder = match server {
        None => TokioResolver::builder_tokio().map_err(|error| told(&error))?,
        Some(server) => {
            let mut udp = ConnectionConfig::udp();
            let mut tcp = ConnectionConfig::tcp();
            (udp.port, tcp.port) = (server.port(), server.port());
            let server = NameServerConfig::new(server.ip(), true, vec![udp, tcp]);
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let resolver = builder.build().map_err(|error| told(&error))?;
    let kind = match record {
        Record::A => RecordType::A,
        Record::Aaaa => RecordType::AAAA,
        Record::Srv => RecordType::SRV,
    };
    let found = resolver.lookup(name, kind).await.map_err(|error| told(&error))?;
    let mut records = Records::default();
    for answer in found.answers() {
        let seen = match (&answer.data, record) {
            (RData::A(address), Record::A) => Some(Seen::plain(Where::Host(address.to_string(), None))),
            (RData::AAAA(address), Record::Aaaa) => Some(Seen::plain(Where::Host(address.to_string(), None))),
            (RData::SRV(service), Record::Srv) => {
                let shares = (service.priority, service.weight);
                let seen = of_service(&service.target.to_ascii(), shares, service.port);
                match server {
                    // Nobody else may know the names that it tells.
                    Some(_) => seen.zip(address(&resolver, &service.target).await).map(|(seen, host)| seen.at(&host)),
                    None => seen,
                }
            }
            _ => None,
        };
        if let Some(seen) = seen {
            let life = Duration::from_secs(answer.ttl.into());
            records.life = Some(records.life.map_or(life, |least| least.min(life)));
            records.places.push(seen);
        }
    }
    Ok(records)
}

/// An address of `name`, if it has one.
async fn address(resolver: &TokioResolver, name: &HickoryName) -> Option<String> {
    for kind in [RecordType::A, RecordType::AAAA] {
        let Ok(found) = resolver.lookup(name.clone(), kind).await else { continue };
        let address = found.answers().iter().find_map(|answer| match &answer.data {
            RData::A(address) => Some(address.to_string()),
            RData::AAAA(address) => Some(address.to_string()),
            _ => None,
        });
        if address.is_some() {
            return address;
        }
    }
    None
}

fn told(error: &dyn std::fmt::Display) -> Box<str> {
    error.to_string().into()
}
