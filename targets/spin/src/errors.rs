//! The host's error codes as the gateway's.

use gateway_core::ports::{IoError, IoErrorKind};
use spin_sdk::wasip3::http::types::ErrorCode;

/// What `code` says about an exchange with an upstream.
pub(crate) fn from_upstream(code: &ErrorCode) -> IoError {
    use IoErrorKind as Kind;
    match code {
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => IoError::before_send(Kind::Dns),
        ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionLimitReached => IoError::before_send(Kind::Connect),
        ErrorCode::ConnectionTimeout => IoError::before_send(Kind::ConnectTimeout),
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            IoError::before_send(Kind::Tls)
        }
        ErrorCode::ConnectionReadTimeout | ErrorCode::ConnectionWriteTimeout | ErrorCode::HttpResponseTimeout => {
            IoError::new(Kind::FirstByteTimeout)
        }
        ErrorCode::ConnectionTerminated => IoError::new(Kind::Closed),
        ErrorCode::HttpRequestBodySize(_) => IoError::new(Kind::Client),
        // Spin says `HTTP-protocol-error` also where the upstream closed the connection before a response.
        ErrorCode::HttpProtocolError
        | ErrorCode::HttpResponseIncomplete
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_)
        | ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::HttpResponseContentCoding(_)
        | ErrorCode::HttpUpgradeFailed => IoError::new(Kind::Protocol),
        // Among these is a destination that `allowed_outbound_hosts` does not list.
        ErrorCode::HttpRequestDenied
        | ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestTrailerSectionSize(_)
        | ErrorCode::HttpRequestTrailerSize(_)
        | ErrorCode::LoopDetected
        | ErrorCode::ConfigurationError
        | ErrorCode::InternalError(_) => IoError::new(Kind::Other),
    }
}
