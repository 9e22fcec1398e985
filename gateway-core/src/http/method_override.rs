//! The fields by which a POST asks for another method.
//!
//! Frameworks heed them behind whatever let the POST through: a filter that looks at methods is passed by a field that nobody has looked at.
//! So the gateway heeds them itself, for the methods that its configuration names, before anything goes by the method; or removes them.

use http::{HeaderMap, HeaderName, Method};

use super::names::{Filter, are_aliases};

/// The names that frameworks know.
const NAMES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// The names in any spelling, and all that begin like them.
pub(super) const KNOWN: Filter = Filter::of(&NAMES);

/// Returns whether `name` is one of them, in any spelling.
pub(crate) fn is_override(name: &str) -> bool {
    NAMES.iter().any(|known| are_aliases(name.as_bytes(), known.as_bytes()))
}

/// The rules for such fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MethodOverride {
    /// The methods that may be asked for.
    pub methods: Box<[Method]>,
    /// Set if the fields stay, and say nothing here.
    pub passes: bool,
}

/// A field that asks for a method that it can't have, or that contradicts another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl MethodOverride {
    /// Takes the fields out of `headers`, and returns the method that they ask for in place of `method`, if that is another.
    ///
    /// # Errors
    /// They ask for one that is not let in, or for several.
    pub fn take(&self, method: &Method, headers: &mut HeaderMap) -> Result<Option<Method>, Refused> {
        if self.passes {
            return Ok(None);
        }
        let mut asked = None;
        let mut refused = Ok(());
        let names: Vec<HeaderName> = headers.keys().filter(|name| is_override(name.as_str())).cloned().collect();
        for name in names {
            let is_name = NAMES.contains(&name.as_str());
            for value in headers.get_all(&name) {
                // Other spellings are for those who fold names, and say nothing here.
                if is_name && asked.replace(value.clone()).is_some_and(|before| before != value) {
                    refused = Err(Refused);
                }
            }
            headers.remove(name);
        }
        let Some(asked) = asked.filter(|_| *method == Method::POST && !self.methods.is_empty()) else {
            return Ok(None);
        };
        refused?;
        // Frameworks take it in any case.
        let is_asked = |known: &&Method| known.as_str().as_bytes().eq_ignore_ascii_case(asked.as_bytes());
        match self.methods.iter().find(is_asked) {
            Some(method) => Ok(Some(method.clone())),
            None if asked.as_bytes().eq_ignore_ascii_case(b"POST") => Ok(None),
            None => Err(Refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Generator, fields, spelling};
    use super::*;

    fn rules() -> MethodOverride {
        MethodOverride { methods: [Method::PUT, Method::DELETE].into(), ..MethodOverride::default() }
    }

    fn taken(rules: &MethodOverride, method: Method, list: &[(&str, &str)]) -> Result<Option<Method>, Refused> {
        let mut headers = fields(list);
        let taken = rules.take(&method, &mut headers);
        assert!(headers.keys().all(|name| !is_override(name.as_str())), "{list:?}");
        taken
    }

    /// docs/configuration.md, Another method by a field.
    #[test]
    fn a_post_may_ask_for_a_method_that_is_let_in() {
        for name in NAMES {
            assert_eq!(taken(&rules(), Method::POST, &[(name, "PUT")]), Ok(Some(Method::PUT)));
            assert_eq!(taken(&rules(), Method::POST, &[(name, "delete")]), Ok(Some(Method::DELETE)));
            assert_eq!(taken(&rules(), Method::POST, &[(name, "POST")]), Ok(None));
            for wrong in ["PATCH", "GET", "", "PUT, DELETE"] {
                assert_eq!(taken(&rules(), Method::POST, &[(name, wrong)]), Err(Refused), "{wrong}");
            }
            for method in [Method::GET, Method::PUT, Method::PATCH] {
                assert_eq!(taken(&rules(), method, &[(name, "DELETE")]), Ok(None));
            }
            assert_eq!(taken(&MethodOverride::default(), Method::POST, &[(name, "PUT")]), Ok(None));
        }
    }

    #[test]
    fn fields_that_contradict_are_refused() {
        let two = |one, other| [("x-http-method-override", one), ("x-http-method", other)];
        assert_eq!(taken(&rules(), Method::POST, &two("PUT", "DELETE")), Err(Refused));
        assert_eq!(taken(&rules(), Method::POST, &two("PUT", "PUT")), Ok(Some(Method::PUT)));
    }

    /// RFC 3875 §4.1.18.
    #[test]
    fn other_spellings_ask_for_nothing_and_go() {
        let mut generator = Generator::new(5);
        for name in NAMES {
            for _ in 0..200 {
                let spelling = spelling(name, &mut generator);
                let asked = if NAMES.contains(&&*spelling) { Some(Method::PUT) } else { None };
                assert_eq!(taken(&rules(), Method::POST, &[(&spelling, "PUT")]), Ok(asked), "{spelling}");
                assert!(KNOWN.may_contain_name(spelling.as_bytes()), "{spelling}");
            }
        }
    }

    #[test]
    fn fields_that_pass_say_nothing() {
        let rules = MethodOverride { passes: true, ..rules() };
        let mut headers = fields(&[("x-http-method", "PUT")]);
        assert_eq!(rules.take(&Method::POST, &mut headers), Ok(None));
        assert!(headers.contains_key("x-http-method"));
    }
}
