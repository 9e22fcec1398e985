//! The shared corpus: one set of cases for every implementation of the gateway.
//!
//! `tests/cases/README.md` documents the format. [`load_all`] reads and checks the files, [`differences`] compares what was
//! seen with what a case expects, [`Report`] prints what ran where. Running the cases is the work of `tests/sim` and
//! `tests/runtime`.

mod body;
mod check;
mod format;
mod kept;
mod load;
mod matchers;
mod model;
mod planted;
mod refusals;
mod report;
mod script;
mod seen;
mod services;
mod signed;
mod tokens;

pub use body::Content;
pub use check::differences;
pub use format::format;
pub use kept::{Keep, Kept};
pub use load::{LoadedCase, case_files, cases_dir, load_all};
pub use matchers::{BodyMatch, HeaderMatch, TextMatch};
pub use model::{
    Case, Edge, Expectation, ExpectedCall, ExpectedCalls, Fault, Refusal, Reply, Request, Runtime, Step, Version,
};
pub use planted::Planted;
pub use refusals::{Mistake, compare as compare_refusals};
pub use report::{Report, Verdict};
pub use script::Script;
pub use seen::{Call, Response};
pub use services::{Services, fetched_differences};
pub use tokens::{Signature, Token};
