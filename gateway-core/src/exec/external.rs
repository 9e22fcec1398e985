//! The proof by the word of a service.

use core::fmt::{self, Display};
use std::sync::Arc;

use super::call_out::{self, Fault, Question};
use super::exchange::Exchange;
use super::within::within;
use crate::call::Call;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::io::IoErrorKind;
use crate::policy::external::{Decision, External, Undecided};
use crate::policy::remembered::Look;
use crate::policy::watch::{Answer, Kind, Known};
use crate::ports::Platform;
use crate::trace::Event;

/// Who makes `call`, as the service says. Its answer to a request that it does not let in is left in `exchange`.
pub(super) async fn prove<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &External,
    call: &Call,
) -> Result<Arc<Caller>, Refusal> {
    let (plan, state) = (exchange.plan, exchange.state);
    let question = match proof.question(call, &plan.credentials) {
        Ok(question) => question,
        Err(reject) => {
            exchange.note(|| verdict(["the service `", &*proof.name, "` can't be told of the request"].concat()));
            exchange.private().denied.get_or_insert(Box::new(reject));
            return Err(Refusal::Denied);
        }
    };
    let known = (!proof.remember.is_zero()).then(|| {
        let digest = proof.digest(&question);
        (digest, state.decisions().changes(), state.decisions().find(Kind::Answer, digest))
    });
    if let Some((.., watch)) = &known
        && let Look::Known(Some(Known::Answer(Some(answer)))) = watch.look(platform.monotonic())
    {
        exchange.note(|| verdict("the service has let such a request in before".to_owned()));
        exchange.private();
        return Ok(Arc::clone(&answer.caller));
    }
    let asked = Question::own(question.method, question.headers, question.content);
    let asked = call_out::ask((plan, state, platform), &proof.place, asked, proof.deadline);
    let answer = within(platform, proof.deadline, asked).await;
    let caller = settle(exchange, platform, proof, answer.unwrap_or(Err(Fault::Io(IoErrorKind::TotalTimeout))))?;
    if let Some((digest, changes, watch)) = known {
        let answer = Answer { caller: Arc::clone(&caller), life: proof.remember };
        watch.remember(Known::Answer(Some(Arc::new(answer))), platform.monotonic());
        state.decisions().is_good(digest, &watch, changes);
    }
    Ok(caller)
}

/// Draws the consequences of an answer.
fn settle<P: Platform>(
    exchange: &mut Exchange<'_, '_>,
    platform: &P,
    proof: &External,
    answer: Result<call_out::Answer, Fault>,
) -> Result<Arc<Caller>, Refusal> {
    let decision = answer.map_err(Trouble::None).and_then(|answer| {
        let read = proof.read(answer.status, &answer.headers, &answer.content, &exchange.plan.consumers);
        read.map_err(Trouble::Unread)
    });
    let trouble = decision.as_ref().err();
    platform.asked_service(proof.place.upstream, trouble.map(|trouble| trouble as &dyn Display));
    exchange.note(|| verdict(told(&proof.name, &decision)));
    match decision {
        Ok(Decision::Admit(caller)) => {
            // It is the service that knows by what it tells callers apart: no cache does.
            exchange.private();
            Ok(Arc::new(caller))
        }
        Ok(Decision::Deny(reject)) => {
            exchange.private().denied.get_or_insert(reject);
            Err(Refusal::Denied)
        }
        Err(trouble) => {
            exchange.record.cause = Some(trouble.cause());
            Err(Refusal::DecisionUnavailable)
        }
    }
}

/// A reason why nothing is decided.
enum Trouble {
    /// There is no answer.
    None(Fault),
    /// There is one, and it says nothing.
    Unread(Undecided),
}

impl Trouble {
    /// The reason in the words of the log.
    fn cause(&self) -> &'static str {
        match self {
            // It is the answer that is too large, whoever counts its bytes.
            Self::None(Fault::Io(IoErrorKind::BodyTooLarge)) | Self::Unread(Undecided::TooLarge) => "answer_too_large",
            Self::None(fault) => fault.cause(),
            Self::Unread(Undecided::Status(_)) => "answer_status",
            Self::Unread(Undecided::Malformed) => "answer_malformed",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(Undecided::Status(status)) => write!(f, "its status is {}", status.as_u16()),
            Self::Unread(Undecided::Malformed) => f.write_str("its answer decides nothing"),
            Self::None(Fault::Io(IoErrorKind::BodyTooLarge)) => f.write_str("its answer has more than 64 KiB"),
            Self::Unread(Undecided::TooLarge) => f.write_str("the fields that it gives have more than 16 KiB"),
            Self::None(fault) => fault.fmt(f),
        }
    }
}

fn told(service: &str, decision: &Result<Decision, Trouble>) -> String {
    let trouble;
    let (words, detail) = match decision {
        Ok(Decision::Admit(_)) => ("` lets the request in", ""),
        Ok(Decision::Deny(reject)) => ("` refuses the request: ", reject.status.as_str()),
        Err(other) => {
            trouble = other.to_string();
            ("` gives no answer to go by: ", &*trouble)
        }
    };
    ["the service `", service, words, detail].concat()
}

fn verdict(verdict: String) -> Event {
    Event::Policy { policy: "authenticate", verdict }
}
