//! Services that the gateway itself asks, beside the upstreams of its routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::body::Content;
use crate::check::is_as_expected;
use crate::model::{Expectation, ExpectedCall, Reply};
use crate::seen::Call;
use crate::tokens::jwk;

/// Services by their origin, such as `http://id.test`, with their answers by path. Any other path is 404.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Services(BTreeMap<String, BTreeMap<String, Answers>>);

/// The answers of a service at a path: the first counts that `asked` fits.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
struct Answers(Vec<Answer>);

/// An answer of a service: a [`Reply`], whose content may also be `json`, or a set of the `keys` with these names.
#[derive(Clone, Debug)]
struct Answer {
    /// The request that it answers; none for any.
    asked: Option<Arc<ExpectedCall>>,
    reply: Reply,
}

impl Services {
    /// These services, with the answers of `later` in the place of their own.
    pub(crate) fn with(&self, later: &Self) -> Self {
        let mut all = self.clone();
        for (origin, answers) in &later.0 {
            all.0.entry(origin.clone()).or_default().extend(answers.clone());
        }
        all
    }

    /// These services, with what `fill` makes of the texts of their answers.
    pub(crate) fn filled(&self, fill: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut all = self.clone();
        for Answers(answers) in all.0.values_mut().flat_map(BTreeMap::values_mut) {
            for answer in answers {
                if let Some(Content::Text(text)) = &mut answer.reply.body
                    && let Some(filled) = fill(text)
                {
                    *text = filled;
                }
            }
        }
        all
    }

    /// The answer to `call`, if it is for one of them.
    #[must_use]
    pub fn reply(&self, call: &Call) -> Option<Reply> {
        let answers = self.0.get(&origin(call))?;
        let path = call.path.split('?').next().unwrap_or_default();
        let is_for = |answer: &&Answer| answer.asked.as_ref().is_none_or(|asked| is_as_expected(asked, call));
        let answer = answers.get(path).and_then(|Answers(answers)| answers.iter().find(is_for));
        let missing = || Reply { status: Some(404), ..Reply::default() };
        Some(answer.map_or_else(missing, |answer| answer.reply.clone()))
    }

    /// Takes the calls to services out of `calls`, and returns how often each was called.
    pub fn take_fetched(&self, calls: &mut Vec<Call>) -> BTreeMap<String, usize> {
        let mut fetched = BTreeMap::new();
        calls.retain(|call| {
            let is_service = self.0.contains_key(&origin(call));
            if is_service {
                *fetched.entry(format!("{}{}", origin(call), call.path)).or_default() += 1;
            }
            !is_service
        });
        fetched
    }
}

fn origin(call: &Call) -> String {
    format!("http://{}", call.to)
}

/// Where `fetched` is not what is expected, one line; empty if all is well.
#[must_use]
pub fn fetched_differences(expected: &Expectation, fetched: &BTreeMap<String, usize>) -> Vec<String> {
    let Some(expected) = &expected.fetched else { return Vec::new() };
    if expected == fetched {
        return Vec::new();
    }
    vec![format!("fetched: expected {expected:?}, got {fetched:?}")]
}

impl TryFrom<Value> for Answers {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let answers = match value {
            Value::Array(answers) => answers,
            answer => vec![answer],
        };
        let answer = |answer| serde_json::from_value(answer).map_err(|error| error.to_string()).and_then(Answer::read);
        answers.into_iter().map(answer).collect::<Result<_, _>>().map(Self)
    }
}

impl Answer {
    fn read(mut members: Map<String, Value>) -> Result<Self, String> {
        let asked = members
            .remove("asked")
            .map(|asked| serde_json::from_value(asked).map(Arc::new).map_err(|error| error.to_string()));
        let asked = asked.transpose()?;
        let mut content = members.remove("json");
        if let Some(names) = members.remove("keys") {
            let names: Vec<String> = serde_json::from_value(names).map_err(|error| error.to_string())?;
            let keys: Vec<Value> = names.iter().map(|name| jwk(name)).collect::<Result<_, _>>()?;
            content = Some(serde_json::json!({ "keys": keys }));
        }
        if let Some(content) = content {
            members.insert("body".to_owned(), content.to_string().into());
        }
        let reply = serde_json::from_value(Value::Object(members)).map_err(|error| error.to_string())?;
        Ok(Self { asked, reply })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(json: Value) -> Services {
        serde_json::from_value(json).unwrap()
    }

    fn call(to: &str, path: &str) -> Call {
        Call { to: to.to_owned(), path: path.to_owned(), ..Call::default() }
    }

    #[test]
    fn a_service_answers_by_its_path() {
        let file = services(serde_json::json!({"http://id.test": {
            "/jwks": {"keys": ["p256-a"], "headers": [["cache-control", "max-age=60"]]}, "/doc": {"json": {"a": 1}}
        }}));
        let all = file.with(&services(serde_json::json!({"http://id.test": {"/jwks": {"status": 500}}})));
        let reply = file.reply(&call("id.test", "/jwks?v=1")).unwrap();
        assert_eq!((reply.status(), reply.headers.len()), (200, 1));
        assert!(matches!(reply.content(), crate::Content::Text(text) if text.contains("\"kid\":\"p256-a\"")));
        assert_eq!(all.reply(&call("id.test", "/jwks")).unwrap().status(), 500);
        assert_eq!(all.reply(&call("id.test", "/doc")).unwrap().status(), 200);
        assert_eq!(all.reply(&call("id.test", "/")).unwrap().status(), 404);
        assert!(all.reply(&call("a.test", "/jwks")).is_none());
        let mut calls = vec![call("a.test", "/"), call("id.test", "/jwks"), call("id.test", "/jwks")];
        let fetched = all.take_fetched(&mut calls);
        assert_eq!(fetched, BTreeMap::from([("http://id.test/jwks".to_owned(), 2)]));
        assert_eq!(calls.len(), 1);
    }

    #[test]
    fn a_service_may_answer_by_what_it_is_asked() {
        let file = services(serde_json::json!({"http://id.test": {"/token": [
            {"asked": {"method": "POST", "headers": {"authorization": "Basic YQ=="}, "body": "a=1"}, "json": {"a": 1}},
            {"asked": {"method": "POST"}, "status": 401}
        ]}}));
        let asked = |method: &str, authorization: &str| {
            let headers = vec![("Authorization".to_owned(), authorization.to_owned())];
            let call = Call { method: method.to_owned(), headers, body: "a=1".into(), ..call("id.test", "/token") };
            file.reply(&call).unwrap().status()
        };
        assert_eq!(asked("POST", "Basic YQ=="), 200);
        assert_eq!(asked("POST", "Basic YR=="), 401);
        assert_eq!(asked("GET", "Basic YQ=="), 404);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for wrong in [r#"{"keys": ["lost"]}"#, r#"{"steps": []}"#, r#"[{"asked": {"verb": "GET"}}]"#, "5"] {
            assert!(serde_json::from_str::<Answers>(wrong).is_err(), "{wrong}");
        }
    }
}
