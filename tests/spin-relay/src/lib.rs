//! The other component of a Spin application in tests of service chaining: hands each request on, as it is, to the place that
//! its variable `upstream` names.

use spin_sdk::variables;
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{ErrorCode, Request, Response, Scheme};

struct Relay;

impl Guest for Relay {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let upstream = variables::get("upstream").await.map_err(|_| ErrorCode::DestinationUnavailable)?;
        request.set_scheme(Some(&Scheme::Http)).map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
        request.set_authority(Some(&upstream)).map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
        client::send(request).await
    }
}

spin_sdk::wasip3::http::service::export!(Relay with_types_in spin_sdk::wasip3);
