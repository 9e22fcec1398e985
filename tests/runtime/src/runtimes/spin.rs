//! The Spin component.

use std::collections::BTreeMap;

use super::{Gateway, NoGateway};

/// Not here yet.
pub(crate) struct Spin;

impl Spin {
    pub(crate) async fn find() -> Result<Self, String> {
        Err("the Spin component is not here yet".to_owned())
    }

    pub(crate) async fn serve(&self, _: &str, _: &BTreeMap<String, String>) -> Result<Gateway, NoGateway> {
        Err(NoGateway::Failed("not here yet".to_owned()))
    }
}
