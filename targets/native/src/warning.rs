//! What the server warns of where it takes over a configuration, at the start and at a reload alike.

use gateway_core::admin::Door;
use gateway_core::plan::Plan;

/// A warning of a configuration that is served all the same. It tells of this machine; what the text alone tells is for
/// `edgeway check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The member that it is about, and the member of that.
    pub at: [&'static str; 2],
    /// The fault.
    pub message: &'static str,
    /// The way to mend it.
    pub help: &'static str,
}

/// An admin token that can be guessed. The token is not shown.
const SHORT_TOKEN: Warning = Warning {
    at: ["admin", "token"],
    message: "the token has fewer than 16 characters, and might be guessed",
    help: "set the secret to the output of `openssl rand -hex 32`",
};

impl Warning {
    /// All that there is to say of `plan`.
    pub fn all(plan: &Plan) -> Vec<Self> {
        let door = plan.admin.as_ref().and_then(|admin| admin.door.as_ref());
        door.is_some_and(Door::has_short_token).then_some(SHORT_TOKEN).into_iter().collect()
    }
}
