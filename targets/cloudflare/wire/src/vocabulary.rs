//! The vocabularies themselves.

use crate::table::{Entry, Table, Value};

/// Declares an enum whose members cross as numbers, counted from 0, and its [`Table`].
macro_rules! numbers {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $entry_doc:literal])+ $entry:ident,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum $name {
            $($(#[doc = $entry_doc])+ $entry,)+
        }

        impl $name {
            /// The enum as data.
            pub const TABLE: Table = Table {
                name: stringify!($name),
                doc: &[$($doc),+],
                entries: &[$(Entry {
                    name: stringify!($entry),
                    doc: &[$($entry_doc),+],
                    value: Value::Number(Self::$entry as u32),
                }),+],
            };

            /// The member that crosses as `number`, if there is one.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                $(if number == Self::$entry as u32 {
                    return Some(Self::$entry);
                })+
                None
            }
        }
    };
}

/// Declares an enum whose members cross as characters, and its [`Table`].
macro_rules! characters {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $entry_doc:literal])+ $entry:ident = $character:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name {
            $($(#[doc = $entry_doc])+ $entry = $character,)+
        }

        impl $name {
            /// The enum as data.
            pub const TABLE: Table = Table {
                name: stringify!($name),
                doc: &[$($doc),+],
                entries: &[$(Entry {
                    name: stringify!($entry),
                    doc: &[$($entry_doc),+],
                    value: Value::Character($character as char),
                }),+],
            };
        }
    };
}

numbers! {
    /// The commands of the core to the glue.
    Kind {
        /// Send this response to the client. The exchange may go on.
        Respond,
        /// Send this request to an upstream.
        Fetch,
        /// Read a body to its end.
        Collect,
        /// Decode a content, which is the body: the text is the coding.
        Decode,
        /// Read a key.
        Get,
        /// Write a key.
        Put,
        /// Remove a key.
        Delete,
        /// Read a value of the stored responses.
        Recall,
        /// Write a value of the stored responses.
        Store,
        /// Remove a value of the stored responses.
        Forget,
        /// Read the content of a stored response: the text is its key, its length and the ends of the range that is wanted, each on a line.
        Content,
        /// Copy the body of a response while it passes, and store the copy once it has ended whole: the text is the key and the length up to which
        /// the copy comes here instead, each on a line.
        Keep,
        /// Let the exchange go on if its client leaves: others wait for what it is answered.
        Linger,
        /// Apply an operation to a counter cell.
        Count,
        /// Ask a RateLimiter binding: the text is its name and the key, each on a line.
        Limit,
        /// Wait.
        Sleep,
        /// Check a signature: the text is the algorithm's name, the key as a JWK and the length of the signature, each on a line.
        /// The body is the signature and then what is signed.
        Verify,
        /// Make a signature: the text is the algorithm's name, the name of the key and its length, each on a line. The body is the key as
        /// PKCS#8 and then what is signed.
        Sign,
        /// Watch the exchange from now on: its end will be waited for, also should the client leave.
        Watch,
        /// Show each piece of the body that is streamed as it passes to the client, if it is the answer's. For a watched exchange.
        Observe,
        /// Wait until the body of the response has ended.
        Ended,
        /// Give up the effect in this slot, or the body of the response in it: nobody waits for it any more.
        Abort,
        /// Forget the exchange: it has ended.
        End,
    }
}

numbers! {
    /// The places of a command's numbers.
    Word {
        /// The `Kind`.
        Kind,
        /// The exchange.
        Exchange,
        /// The effect, by which it is resumed or aborted; counted from 1 in each exchange.
        Slot,
        /// The address of the text.
        TextAt,
        /// The length of the text, in bytes.
        TextLen,
        /// The `BodyKind`.
        Body,
        /// Of a streamed body, or of a socket: 0 for the client's, or the slot of the fetch whose it is.
        BodySlot,
        /// Of a full body: its address.
        BodyAt,
        /// Of a full body: its length, in bytes.
        BodyLen,
        /// Of a streamed body: the low half of its limit, in bytes.
        LimitLow,
        /// Of a streamed body: the high half of its limit; all bits set for none.
        LimitHigh,
        /// Of a streamed body: the edits that are made of it on its way; 0 for none.
        Filter,
        /// Of a response: its status.
        Status,
        /// The head that the edits apply to: 0 for an empty one, 1 for the client's, else 1 more than the slot of the fetch.
        Base,
        /// Of a fetch: the deadline of the response's head, in ms; 0 for none.
        FirstByte,
        /// Of a fetch: the deadline of the whole exchange, in ms; 0 for none.
        Total,
        /// Of a key to write: how long it is kept, in s; 0 for ever.
        Ttl,
        /// Of a fetch: the line of the text where the edits of the response's head begin; 0 if the core has to see that head.
        Finish,
        /// Of a sleep: how long, in ms.
        Millis,
        /// Of a response: 1 if its content is to be encoded by gzip, else 0.
        Coding,
        /// Of a fetch: 0 for the network, else 1 more than the place of the upstream's service in the list of them.
        Service,
    }
}

numbers! {
    /// The forms of a body.
    BodyKind {
        /// No content.
        Empty,
        /// All of the content, in wasm's memory.
        Full,
        /// Content that the runtime streams.
        Stream,
        /// Of a response with 101: the upstream's end of a WebSocket.
        Socket,
    }
}

numbers! {
    /// What the edge says of a client. Where the core asks for any, a request has a line of these texts in this order, with a tab
    /// between two; what the core does not ask for is empty.
    Stated {
        /// The code of the country.
        Country,
        /// The number of the autonomous system.
        Asn,
        /// `1` if the client has shown a certificate.
        Presented,
        /// `SUCCESS` if the certificate is trusted.
        Verified,
        /// `0` unless the certificate has been revoked.
        Revoked,
        /// The SHA-256 of the certificate, in hexadecimal digits.
        Sha256,
        /// The subject of the certificate (RFC 2253).
        Subject,
        /// The subject of the certificate's issuer (RFC 2253).
        Issuer,
        /// The serial number of the certificate, in hexadecimal digits.
        Serial,
        /// The end of the certificate's validity, in seconds since 1970.
        Expires,
        /// The value of `Client-Cert` that tells of the certificate (RFC 9440).
        ClientCert,
    }
}

characters! {
    /// The edits of a head: the first character of an edit's line, before the field's name. `Set`, `Append` and `Rename` take
    /// the next line as their argument.
    Edit {
        /// Make the argument the field's only value.
        Set = b'=',
        /// Add a line with the argument as its value.
        Append = b'+',
        /// Remove every line of the field.
        Remove = b'-',
        /// Give the field the argument as its name.
        Rename = b'>',
        /// Remove the fields that end at this hop; without a name.
        RemoveHopByHop = b'~',
    }
}

numbers! {
    /// The failures of effects that the glue can tell apart.
    Failure {
        /// Nobody says why.
        Other,
        /// The upstream's name has no address.
        Dns,
        /// The upstream refused the connection.
        Connect,
        /// No response head in time.
        FirstByteTimeout,
        /// The exchange took longer than its total deadline.
        TotalTimeout,
        /// The upstream closed or reset the connection before a complete head.
        Closed,
        /// A body is larger than its limit.
        BodyTooLarge,
        /// A content can't be edited on its way.
        Content,
        /// The client left, or its body was cut off.
        Client,
        /// A counter or the key-value store failed.
        Store,
        /// The TLS handshake failed.
        Tls,
        /// What the upstream sent is not HTTP.
        Protocol,
        /// The runtime can't send this content without knowing its length.
        LengthRequired,
        /// The client sent no more of its content in time.
        ClientTimeout,
    }
}
