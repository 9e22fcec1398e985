//! Proofs of identity, a function a kind, and the places that they look at.

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE};

use super::Compiler;
use super::at::At;
use crate::config::{self, CredentialPlace};
use crate::http::proxy_status::is_tchar;
use crate::policy::credential::Place;
use crate::policy::header_edit::is_editable;
use crate::policy::proof::JwtProof;

impl Compiler<'_> {
    #[inline(never)]
    pub(super) fn jwt(&mut self, at: &At<'_>, jwt: &config::JwtProof) -> Option<JwtProof> {
        let config::JwtProof { issuers, audiences, from, keep, resource } = jwt;
        let issuers = self.named_issuers(at, issuers);
        let audiences = self.audiences(&at.member("audiences"), audiences);
        let places = self.places(&at.member("from"), from);
        let issuers = issuers?;
        let metadata = match resource {
            Some(url) => Some(self.resource(&at.member("resource"), url, &issuers)?),
            None => None,
        };
        let names = issuers.iter().filter_map(|index| self.config.issuers.0.get(*index));
        Some(JwtProof {
            names: names.map(|(name, _)| name.as_str().into()).collect(),
            audiences,
            places: places?,
            keep: keep.unwrap_or(false),
            metadata,
            issuers,
        })
    }

    /// The audiences of which a token must name one.
    pub(super) fn audiences(&mut self, at: &At<'_>, audiences: &[String]) -> Box<[Box<str>]> {
        for (i, _) in audiences.iter().enumerate().filter(|(_, audience)| audience.is_empty()) {
            self.error_with(&at.index(i), "an audience can't be empty", "write it as the tokens have it in `aud`");
        }
        audiences.iter().map(|audience| audience.as_str().into()).collect()
    }

    /// The indexes of the issuers whose tokens are taken.
    fn named_issuers(&mut self, at: &At<'_>, names: &[String]) -> Option<Box<[usize]>> {
        let known = &self.config.issuers;
        let list = at.member("issuers");
        if known.iter().all(|(_, issuer)| issuer.is_only_asked()) {
            if self.is_wrong_in(&["issuers"]) {
                return None;
            }
            let help = if known.is_empty() {
                "add one beside `policies`: `\"issuers\": {\"corp\": {\"issuer\": \"https://…\", \"keys\": […]}}`"
            } else {
                "those that there are can be asked about them: write `\"introspect\": {}` in place of `jwt`"
            };
            self.error_with(at, "there are no issuers whose tokens could be verified", help);
            return None;
        }
        let mut indexes: Vec<usize> = Vec::new();
        let mut is_right = true;
        if names.is_empty() {
            indexes =
                known.iter().enumerate().filter(|(_, (_, issuer))| !issuer.is_only_asked()).map(|(i, _)| i).collect();
        }
        for (i, name) in names.iter().enumerate() {
            match known.iter().position(|(known, _)| known == name) {
                Some(index) if indexes.contains(&index) => {
                    self.error_with(&list.index(i), format_args!("`{name}` is there twice"), "leave one of them out");
                    is_right = false;
                }
                Some(index) => {
                    if known.0.get(index).is_some_and(|(_, issuer)| issuer.is_only_asked()) {
                        let message =
                            format_args!("the issuer `{name}` has no keys, so that no token could be verified");
                        let help = "it can be asked about them: `{\"introspect\": {…}}`";
                        self.error_with(&list.index(i), message, help);
                        is_right = false;
                    }
                    indexes.push(index);
                }
                None => {
                    self.unknown(&list.index(i), "issuer", name, known.iter().map(|(name, _)| name));
                    is_right = false;
                }
            }
        }
        // RFC 8725 §3.8: the issuer says whose keys count, so each must be told by its `iss`.
        if let [_, _, ..] = &*indexes {
            let mut seen: Vec<&str> = Vec::new();
            for (name, issuer) in indexes.iter().filter_map(|index| known.0.get(*index)) {
                match issuer.issuer.as_deref() {
                    None => {
                        let message = format_args!(
                            "the issuer `{name}` has no `issuer`, so that nothing tells its tokens from others'"
                        );
                        self.error_with(at, message, "state the `iss` of its tokens, or take it alone in this policy");
                        is_right = false;
                    }
                    Some(iss) if seen.contains(&iss) => {
                        let message = format_args!(
                            "two issuers have the `iss` `{iss}`, so that nothing tells their tokens apart"
                        );
                        self.error_with(at, message, "make one issuer of them, with the keys of both");
                        is_right = false;
                    }
                    Some(iss) => seen.push(iss),
                }
            }
        }
        is_right.then(|| indexes.into_boxed_slice())
    }

    /// The places where a credential may be.
    pub(super) fn places(&mut self, at: &At<'_>, from: &[CredentialPlace]) -> Option<Box<[Place]>> {
        if from.is_empty() {
            return Some([Place::Bearer].into());
        }
        let mut places: Vec<Place> = Vec::new();
        for (i, place) in from.iter().enumerate() {
            let item = at.index(i);
            let place = self.place(&item, place)?;
            if places.contains(&place) {
                self.error_with(&item, "this place is there twice", "leave one of them out");
            }
            places.push(place);
        }
        Some(places.into_boxed_slice())
    }

    fn place(&mut self, at: &At<'_>, place: &CredentialPlace) -> Option<Place> {
        match place {
            CredentialPlace::Header(name) => {
                let at = at.member("header");
                let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
                    self.error_with(&at, format_args!("`{name}` is no header"), "for example `x-token`");
                    return None;
                };
                self.check_is_there(&at, name);
                match header {
                    AUTHORIZATION => Some(Place::Bearer),
                    COOKIE => {
                        let help = "write `{\"cookie\": \"NAME\"}` for one of them";
                        self.error_with(&at, "cookies have a place of their own", help);
                        None
                    }
                    // It is emptied, and the request could not do without it.
                    _ if !is_editable(&header) => {
                        let help = "take a field of its own, for example `x-token`";
                        self.error_with(&at, format_args!("`{name}` is of the connection or the framing"), help);
                        None
                    }
                    _ => Some(Place::Header(header)),
                }
            }
            CredentialPlace::Cookie(name) => {
                let is_name = !name.is_empty() && name.bytes().all(is_tchar);
                if !is_name {
                    let help = "a cookie's name is a token (RFC 6265 §4.1.1), for example `token`";
                    self.error_with(&at.member("cookie"), format_args!("no cookie is called `{name}`"), help);
                }
                is_name.then(|| Place::Cookie(name.as_str().into()))
            }
            CredentialPlace::Query(name) => {
                if name.is_empty() {
                    self.error_with(&at.member("query"), "a parameter needs a name", "for example `access_token`");
                }
                (!name.is_empty()).then(|| Place::Query(name.as_str().into()))
            }
        }
    }
}
