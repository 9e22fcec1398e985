//! Failures of effects, as the core knows them.

use edgeway_wire::Failure;
use gateway_core::ports::{IoError, IoErrorKind};

/// The core's error for `failure`; an unnamed failure is unexplained.
pub(crate) fn io_error(failure: Option<Failure>) -> IoError {
    match failure {
        Some(Failure::Dns) => IoError::before_send(IoErrorKind::Dns),
        Some(Failure::Connect) => IoError::before_send(IoErrorKind::Connect),
        Some(Failure::FirstByteTimeout) => IoError::new(IoErrorKind::FirstByteTimeout),
        Some(Failure::TotalTimeout) => IoError::new(IoErrorKind::TotalTimeout),
        Some(Failure::Closed) => IoError::new(IoErrorKind::Closed),
        Some(Failure::BodyTooLarge) => IoError::new(IoErrorKind::BodyTooLarge),
        Some(Failure::Content) => IoError::new(IoErrorKind::Content),
        Some(Failure::Client) => IoError::new(IoErrorKind::Client),
        Some(Failure::ClientTimeout) => IoError::new(IoErrorKind::ClientTimeout),
        Some(Failure::Tls) => IoError::before_send(IoErrorKind::Tls),
        Some(Failure::Protocol) => IoError::new(IoErrorKind::Protocol),
        Some(Failure::LengthRequired) => IoError::before_send(IoErrorKind::LengthRequired),
        Some(Failure::Store | Failure::Other) | None => IoError::new(IoErrorKind::Other),
    }
}
