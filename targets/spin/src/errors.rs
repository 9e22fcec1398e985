//! Translates the host's error codes to the gateway's.

use gateway_core::ports::{IoError, IoErrorKind};
use spin_sdk::wasip3::http::types::ErrorCode;

/// Classifies the error `code` of an exchange with an upstream.
pub(crate) fn from_upstream(code: &ErrorCode) -> IoError {
    use IoErrorKind as Kind;
    match code {
        ErrorCode::DnsTimeout => IoError::before_send(Kind::DnsTimeout),
        ErrorCode::DnsError(_) => IoError::before_send(Kind::Dns),
        ErrorCode::DestinationNotFound | ErrorCode::DestinationUnavailable => IoError::before_send(Kind::Other),
        ErrorCode::DestinationIpProhibited => IoError::before_send(Kind::Prohibited),
        // A destination that `allowed_outbound_hosts` does not list.
        ErrorCode::HttpRequestDenied => IoError::before_send(Kind::Prohibited),
        ErrorCode::DestinationIpUnroutable => IoError::before_send(Kind::Unroutable),
        ErrorCode::ConnectionRefused => IoError::before_send(Kind::Connect),
        ErrorCode::ConnectionLimitReached => IoError::before_send(Kind::ConnectionLimit),
        ErrorCode::ConnectionTimeout => IoError::before_send(Kind::ConnectTimeout),
        ErrorCode::TlsProtocolError => IoError::before_send(Kind::Tls),
        ErrorCode::TlsCertificateError => IoError::before_send(Kind::TlsCertificate),
        // One of TLS 1.3 may come after the request.
        ErrorCode::TlsAlertReceived(_) => IoError::new(Kind::TlsAlert),
        ErrorCode::ConnectionReadTimeout | ErrorCode::ConnectionWriteTimeout | ErrorCode::HttpResponseTimeout => {
            IoError::new(Kind::FirstByteTimeout)
        }
        ErrorCode::ConnectionTerminated => IoError::new(Kind::Closed),
        ErrorCode::HttpRequestBodySize(_) => IoError::new(Kind::Client),
        // Spin reports `HTTP-protocol-error` also if the upstream closed the connection before a response.
        ErrorCode::HttpProtocolError
        | ErrorCode::HttpResponseIncomplete
        | ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_)
        | ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::HttpResponseContentCoding(_)
        | ErrorCode::HttpUpgradeFailed => IoError::new(Kind::Protocol),
        ErrorCode::HttpResponseHeaderSectionSize(_) | ErrorCode::HttpResponseHeaderSize(_) => {
            IoError::new(Kind::HeadTooLarge)
        }
        ErrorCode::HttpRequestLengthRequired
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
