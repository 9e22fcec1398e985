//! The names and passwords that consumers have, and the proof by them.

use std::sync::Arc;

use super::Compiler;
use super::at::At;
use crate::caller::Caller;
use crate::config::{self, ConfigError, Value};
use crate::numbers::Numbered;
use crate::policy::basic::{BasicProof, MOST_NAME_BYTES, User, Users};
use crate::policy::credential::Place;
use crate::policy::password::{PasswordHash, Unfit};

impl Compiler<'_> {
    /// Those who have a name and a password.
    #[inline(never)]
    pub(super) fn users(&mut self, at: &At<'_>) -> Users {
        let config = self.config;
        let mut known = Numbered::default();
        let mut users = Vec::new();
        let consumers = self.consumers.clone();
        for ((name, stated), consumer) in config.consumers.iter().zip(&consumers) {
            for (i, credential) in stated.credentials.iter().enumerate() {
                let Some(config::PasswordCredential { user, hash }) = &credential.password else { continue };
                let owner = at.member(name);
                let list = owner.member("credentials");
                let item = list.index(i);
                let at = item.member("password");
                self.check_user(&at.member("user"), user);
                if let Err(first) = known.add(user, at.to_path()) {
                    let error = ConfigError::new(at.to_path(), format_args!("`{user}` has a password already"));
                    let help = "a name is of one consumer, and has one password: keep one of them";
                    self.errors.push(error.with_other(first.clone()).with_help(help));
                    continue;
                }
                let Some(hash) = self.password_hash(&at.member("hash"), hash) else { continue };
                let (consumer, credential) = (Some(Arc::clone(consumer)), Some(user.as_str().into()));
                let caller = Arc::new(Caller { consumer, credential, ..Caller::default() });
                users.push((user.as_str().into(), User { hash: Arc::new(hash), caller }));
            }
        }
        Users::new(users)
    }

    /// Reports a name that nobody can log in by.
    fn check_user(&mut self, at: &At<'_>, user: &str) {
        if user.is_empty() || user.len() > MOST_NAME_BYTES {
            let message = format_args!("a name has 1 to {MOST_NAME_BYTES} bytes");
            self.error_with(at, message, "for example `ann`");
        }
        if user.contains(':') {
            let help = "the password begins behind the first colon (RFC 7617 §2): leave it out";
            self.error_with(at, "a name can't have a colon", help);
        }
        self.printable(at, user);
    }

    /// The hash of a password; `None` if it is none, or not known here.
    fn password_hash(&mut self, at: &At<'_>, stated: &Value) -> Option<PasswordHash> {
        let (text, is_of_secret) = match stated {
            Value::Template(text) => (text.clone(), ""),
            // A file, or what a shell puts into a variable, has the end of a line.
            Value::Secret(secret) => (self.key_text(at, secret)?.trim().to_owned(), &*secret.secret),
        };
        let unfit = match PasswordHash::parse(&text) {
            Ok(hash) => return Some(hash),
            Err(unfit) => unfit,
        };
        let (message, help) = match unfit {
            Unfit::Work => (
                "takes more work than a gateway has for each password",
                "up to 64 MiB and 256 MiB over all passes for Argon2, a cost of 14 for bcrypt: make another with `edgeway password hash`",
            ),
            Unfit::Form => ("is no hash of a password that is taken", fix(&text)),
        };
        // It may be the password itself, so it is not told.
        if is_of_secret.is_empty() {
            self.error_with(at, format_args!("this {message}"), help);
        } else {
            self.error_with(at, format_args!("what the secret `{is_of_secret}` holds {message}"), help);
        }
        None
    }

    /// The proof by a name and a password; `None` if it is wrong.
    #[inline(never)]
    pub(super) fn basic(&mut self, at: &At<'_>, basic: &config::BasicProof) -> Option<BasicProof> {
        let mut credentials = self.config.consumers.iter().flat_map(|(_, consumer)| &consumer.credentials);
        if !credentials.any(|credential| credential.password.is_some()) {
            if !self.is_wrong_in(&["consumers"]) {
                let help = "give one to a consumer: `\"consumers\": {\"ann\": {\"credentials\": [{\"password\": {\"user\": \"ann\", \"hash\": \"$argon2id$…\"}}]}}`";
                self.error_with(at, "no consumer has a password", help);
            }
            return None;
        }
        Some(BasicProof { keep: basic.keep.unwrap_or(false), places: [Place::Basic] })
    }
}

/// What to do about a text that is no hash.
fn fix(text: &str) -> &'static str {
    let is_cut = |start: &&str| text.starts_with(*start);
    if ["$1$", "$apr1$", "{SHA}", "$5$", "$6$", "$scrypt$", "$7$", "$y$", "$pbkdf2"].iter().any(is_cut) {
        "hashes by MD5, SHA, scrypt and others are not taken: have a new password set, and make its hash with `edgeway password hash`"
    } else if text.split_once(":$").is_some() {
        "leave out the name and the colon, which stand before it in a file of `htpasswd`"
    } else if ["$2a$", "$2b$", "$2y$", "$argon2"].iter().any(is_cut) {
        "copy it whole: a hash by bcrypt has 60 characters, and one by Argon2 six parts, each after a `$`"
    } else {
        "write what `edgeway password hash` prints, or an Argon2 or bcrypt hash from elsewhere (`$argon2id$…`, `$2b$…`, `$2y$…`): never the password itself"
    }
}
