//! The configurations to begin with, which the npm package has as well.

use std::collections::BTreeMap;

use clap::builder::{PossibleValue, PossibleValuesParser};
use gateway_core::policy::api_key::{self, DEFAULT_PREFIX, Digester};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;

/// What is known of each recipe.
const INDEX: &str = include_str!("../../../../../recipes/index.json");

/// The one where none is named.
pub(super) const PLAIN: &str = "plain";

/// Their configurations.
const CONFIGURATIONS: [(&str, &str); 7] = [
    (PLAIN, include_str!("../../../../../recipes/plain/gateway.json")),
    ("spa-api", include_str!("../../../../../recipes/spa-api/gateway.json")),
    ("microservices", include_str!("../../../../../recipes/microservices/gateway.json")),
    ("keys", include_str!("../../../../../recipes/keys/gateway.json")),
    ("oidc", include_str!("../../../../../recipes/oidc/gateway.json")),
    ("cache", include_str!("../../../../../recipes/cache/gateway.json")),
    ("canary", include_str!("../../../../../recipes/canary/gateway.json")),
];

/// A recipe, as the index has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    about: String,
    /// The digests of keys that stand in its configuration, in place of those that are made, by their consumers.
    #[serde(default)]
    pub(super) keys: BTreeMap<String, String>,
    /// The names of its secrets, each of 32 bytes of chance.
    #[serde(default)]
    pub(super) secrets: Vec<String>,
    /// The target of a request that is answered at once.
    #[serde(rename = "try")]
    pub(super) request: String,
    /// The commands that show what it is for, in front of the demo service; without any, the same request. `{base}` is the gateway's URL.
    #[serde(default)]
    pub(super) demo: Vec<String>,
    #[serde(skip)]
    configuration: &'static str,
}

/// A recipe with keys and secrets of its own.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) configuration: String,
    /// Each consumer with its key.
    pub(super) keys: Vec<(String, String)>,
    /// Each secret's name with its value.
    pub(super) secrets: Vec<(String, String)>,
}

/// The names that are taken, with what they are for.
pub(super) fn names() -> PossibleValuesParser {
    let all = all().unwrap_or_default();
    PossibleValuesParser::new(CONFIGURATIONS.map(|(name, _)| {
        let about = all.get(name).map(|recipe| recipe.about.clone()).unwrap_or_default();
        PossibleValue::new(name).help(about)
    }))
}

fn all() -> Result<BTreeMap<String, Recipe>, String> {
    serde_json::from_str(INDEX).map_err(|error| error.to_string())
}

impl Recipe {
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let found = CONFIGURATIONS.iter().find(|(known, _)| *known == name);
        let missing = || format!("there is no recipe `{name}`");
        let (_, configuration) = found.ok_or_else(missing)?;
        Ok(Self { configuration, ..all()?.remove(name).ok_or_else(missing)? })
    }

    /// The recipe with new keys and secrets.
    pub(super) fn filled(&self) -> Result<Filled, String> {
        let mut filled = Filled { configuration: self.configuration.to_owned(), keys: Vec::new(), secrets: Vec::new() };
        for (consumer, digest) in &self.keys {
            let key = api_key::compose(DEFAULT_PREFIX, random()?);
            filled.configuration = filled.configuration.replace(digest, &Digester::default().digest(&key).to_hex());
            filled.keys.push((consumer.clone(), key));
        }
        for name in &self.secrets {
            let digits: String = random()?.iter().map(|byte| format!("{byte:02x}")).collect();
            filled.secrets.push((name.clone(), digits));
        }
        Ok(filled)
    }
}

fn random() -> Result<[u8; 32], String> {
    let mut random = [0; 32];
    SystemRandom::new().fill(&mut random).map_err(|_| "the system gives no random bits".to_owned())?;
    Ok(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_has_each_recipe_and_no_other() {
        let all = all().unwrap();
        assert_eq!(all.len(), CONFIGURATIONS.len());
        for (name, configuration) in CONFIGURATIONS {
            let recipe = all.get(name).unwrap();
            assert!(recipe.keys.values().all(|digest| configuration.matches(digest.as_str()).count() == 1), "{name}");
            assert!(recipe.secrets.iter().all(|secret| configuration.contains(secret.as_str())), "{name}");
        }
    }

    #[test]
    fn keys_and_secrets_are_made_anew() {
        for (name, _) in CONFIGURATIONS {
            let recipe = Recipe::named(name).unwrap();
            let (one, other) = (recipe.filled().unwrap(), recipe.filled().unwrap());
            assert!(recipe.keys.values().all(|digest| !one.configuration.contains(digest.as_str())), "{name}");
            assert!(one.keys.iter().all(|key| !other.keys.contains(key)), "{name}");
            assert!(one.secrets.iter().all(|secret| !other.secrets.contains(secret)), "{name}");
        }
    }
}
