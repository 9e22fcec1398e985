//! The listeners of the native server, and the visitors that read them: each may be written short.

use core::fmt;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};

use super::object::OWN;

/// The listeners: one, or a list.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum Listen {
    /// One.
    One(ListenAt),
    /// Several.
    Several(Vec<ListenAt>),
}

/// A listener; as a plain string, its address.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum ListenAt {
    /// An address.
    Address(String),
    /// An address with settings.
    With(Listener),
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listener {
    /// The address, as `host:port`, or `unix:` and the path of a socket.
    pub address: String,
    /// HTTPS with these certificates; `false` for cleartext. Default: with those of `server.tls`, if there are any.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    /// Each connection begins with a header of the PROXY protocol, version 1 or 2, that states the client's address. It is
    /// taken from `network.trustedProxies` alone; all others are refused. Default: `false`.
    #[serde(default)]
    pub proxy_protocol: Option<bool>,
}

/// The TLS of a listener.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum ListenerTls {
    /// That of `server.tls`; or none.
    Switch(bool),
    /// This certificate.
    One(ServerTls),
    /// These certificates.
    Several(Vec<ServerTls>),
}

/// The certificates of the native server: one, or a list. Of a list, a client gets the first that covers the name that it asks
/// for, or else the first.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum Certificates {
    /// One.
    One(ServerTls),
    /// Several.
    Several(Vec<ServerTls>),
}

/// A certificate of the native server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerTls {
    /// A PEM file with the certificate chain, the server's own first.
    pub certificate: String,
    /// A PEM file with the private key.
    pub key: String,
    /// Asks clients for a certificate. Of a list, one of them has it, and it holds for all.
    #[serde(default)]
    pub clients: Option<ClientCertificates>,
}

/// The certificates that clients may show, or have to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientCertificates {
    /// A PEM file with the authorities that have issued them. A certificate of another's ends the connection.
    pub authorities: String,
    /// Refuses connections without a certificate. Default: false, and the policy `authenticate` says where one is needed.
    #[serde(default)]
    pub required: Option<bool>,
    /// A PEM file with revocation lists (RFC 5280 §5) of the authorities: a certificate that is on one, or of an authority without one, ends
    /// the connection.
    #[serde(default)]
    pub revoked: Option<String>,
}

impl Listen {
    /// The listeners.
    #[must_use]
    pub fn list(&self) -> &[ListenAt] {
        match self {
            Self::One(listener) => core::slice::from_ref(listener),
            Self::Several(list) => list,
        }
    }
}

macro_rules! one_of {
    ($type:ty, $visitor:ident, $expecting:literal, { $($visit:item)* }) => {
        struct $visitor;

        impl<'de> Visitor<'de> for $visitor {
            type Value = $type;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($expecting)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<$type, D::Error> {
                deserializer.deserialize_any(self)
            }

            $($visit)*
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_newtype_struct(OWN, $visitor)
            }
        }
    };
}

one_of!(ListenAt, ListenAtVisitor, "an address, or an object with `address`", {
    fn visit_str<E: Error>(self, text: &str) -> Result<ListenAt, E> {
        Ok(ListenAt::Address(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ListenAt, A::Error> {
        Listener::deserialize(MapAccessDeserializer::new(map)).map(ListenAt::With)
    }
});

one_of!(Listen, ListenVisitor, "an address, an object with `address`, or a list of those", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Listen, E> {
        Ok(Listen::One(ListenAt::Address(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Listen, A::Error> {
        Listener::deserialize(MapAccessDeserializer::new(map)).map(|listener| Listen::One(ListenAt::With(listener)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Listen, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Listen::Several)
    }
});

one_of!(Certificates, CertificatesVisitor, "an object with `certificate` and `key`, or a list of those", {
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Certificates, A::Error> {
        ServerTls::deserialize(MapAccessDeserializer::new(map)).map(Certificates::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Certificates, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Certificates::Several)
    }
});

one_of!(
    ListenerTls,
    ListenerTlsVisitor,
    "`true`, `false`, an object with `certificate` and `key`, or a list of those",
    {
        fn visit_bool<E: Error>(self, on: bool) -> Result<ListenerTls, E> {
            Ok(ListenerTls::Switch(on))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ListenerTls, A::Error> {
            ServerTls::deserialize(MapAccessDeserializer::new(map)).map(ListenerTls::One)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<ListenerTls, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list)).map(ListenerTls::Several)
        }
    }
);
