//! Edits of header fields and of query parameters: rename, remove, set, default, append.

use http::{HeaderName, HeaderValue, header};

use super::Compiler;
use super::at::At;
use super::foreign::Place;
use crate::config::{ConfigError, FieldEdits, Value};
use crate::numbers::Numbered;
use crate::policy::header_edit::{FieldValue, HeaderEdit, is_editable, is_handshake, is_hop_by_hop};
use crate::policy::query_edit::QueryEdit;
use crate::template::Template;

/// Names of path parameters that a template may use; `None` where the route is not known.
pub(super) type Parameters<'p> = Option<&'p [&'p str]>;

/// An edit of something that has names and values.
pub(super) trait Edit: Sized {
    type Name;
    type Value;

    /// Set where names are the same in capital and in small letters.
    const IGNORES_CASE: bool;

    /// Reads a name, or reports the reason why no edit can touch it.
    fn name(compiler: &mut Compiler<'_>, at: &At<'_>, name: &str) -> Option<Self::Name>;

    /// Reads a value, or reports the reason why it can't be set.
    fn value(
        compiler: &mut Compiler<'_>,
        at: &At<'_>,
        value: &Value,
        parameters: Parameters<'_>,
    ) -> Option<Self::Value>;

    fn rename(from: Self::Name, to: Self::Name) -> Self;
    fn remove(name: Self::Name) -> Self;
    fn set(name: Self::Name, value: Self::Value) -> Self;
    fn default(name: Self::Name, value: Self::Value) -> Self;
    fn append(name: Self::Name, value: Self::Value) -> Self;
}

impl Compiler<'_> {
    /// Compiles `edits`, in the order of their application, to the end of `out`.
    pub(super) fn edits<E: Edit>(
        &mut self,
        at: &At<'_>,
        edits: &FieldEdits,
        parameters: Parameters<'_>,
        out: &mut Vec<E>,
    ) {
        if E::IGNORES_CASE {
            self.same_but_for_case(&at.member("rename"), edits.rename.iter().map(|(name, _)| name));
            self.same_but_for_case(&at.member("set"), edits.set.iter().map(|(name, _)| name));
            self.same_but_for_case(&at.member("default"), edits.default.iter().map(|(name, _)| name));
        }
        for (from, to) in edits.rename.iter() {
            let at = at.member("rename");
            let at = at.member(from);
            if let (Some(from), Some(to)) = (E::name(self, &at, from), E::name(self, &at, to)) {
                out.push(E::rename(from, to));
            }
        }
        for (i, name) in edits.remove.iter().enumerate() {
            out.extend(E::name(self, &at.member("remove").index(i), name).map(E::remove));
        }
        let set = edits.set.iter().map(|entry| ("set", entry, E::set as fn(_, _) -> _));
        let default = edits.default.iter().map(|entry| ("default", entry, E::default as fn(_, _) -> _));
        let append = edits.append.iter().map(|entry| ("append", entry, E::append as fn(_, _) -> _));
        for (member, (name, value), edit) in set.chain(default).chain(append) {
            let at = at.member(member);
            let at = at.member(name);
            let name = E::name(self, &at, name);
            let value = E::value(self, &at, value, parameters);
            if let (Some(name), Some(value)) = (name, value) {
                out.push(edit(name, value));
            }
        }
    }

    /// Reports a name with a `*`, as for all names that begin so.
    #[cold]
    #[inline(never)]
    fn whole_names(&mut self, at: &At<'_>, name: &str, help: &str) {
        self.error_with(at, format_args!("`{name}` is not a name: `*` stands for nothing here"), help);
    }

    /// Reports a reference to a variable in a name, where it would be text (docs/configuration.md, Variables).
    #[inline(never)]
    pub(super) fn plain_name(&mut self, at: &At<'_>, name: &str) {
        if name.contains("${") {
            self.error_with(
                at,
                format_args!("`{name}` is a name, and variables stand for values alone"),
                "write the name itself",
            );
        }
    }

    /// Reports names of fields that differ in case alone (RFC 9110 §5.1): the last would silently win.
    #[inline(never)]
    pub(super) fn same_but_for_case<'n>(&mut self, at: &At<'_>, names: impl ExactSizeIterator<Item = &'n str>) {
        if names.len() < 2 {
            return;
        }
        let mut seen = Numbered::default();
        for name in names {
            if let Err(first) = seen.add(&name.to_ascii_lowercase(), name) {
                let message = format_args!("`{name}` is the field `{first}` once more: case does not count");
                let error = ConfigError::new(at.member(name).to_path(), message);
                self.errors.push(error.with_help("keep one of them").with_other(at.member(first).to_path()));
            }
        }
    }
}

impl Edit for HeaderEdit {
    type Name = HeaderName;
    type Value = FieldValue;

    const IGNORES_CASE: bool = true;

    fn name(compiler: &mut Compiler<'_>, at: &At<'_>, name: &str) -> Option<HeaderName> {
        let Ok(parsed) = HeaderName::try_from(name) else {
            compiler.error_with(at, format_args!("`{name}` is not a header name"), "use letters, digits and `-`");
            return None;
        };
        if name.contains('*') {
            let help = "write each name; what `identityHeaders` lists is removed from every request, and takes a `*`";
            compiler.whole_names(at, name, help);
            return None;
        }
        if is_editable(&parsed) {
            return Some(parsed);
        }
        let help = if parsed == header::HOST {
            "use `rewrite.host`, or the upstream's `host`"
        } else if parsed == header::PROXY_AUTHORIZATION {
            "it is for the gateway itself; an upstream's credentials go into `authorization`"
        } else if is_hop_by_hop(&parsed) {
            "it belongs to one connection, and goes no further"
        } else if is_handshake(&parsed) {
            "the client and the upstream know each other by it"
        } else {
            "the gateway sets it from the connection and the body"
        };
        compiler.error_with(at, format_args!("`{name}` can't be edited"), help);
        None
    }

    fn value(
        compiler: &mut Compiler<'_>,
        at: &At<'_>,
        value: &Value,
        parameters: Parameters<'_>,
    ) -> Option<FieldValue> {
        match value {
            Value::Secret(secret) => {
                let text = compiler.secret(at, secret)?;
                let Ok(mut value) = HeaderValue::try_from(text) else {
                    compiler.error(at, format_args!("the secret `{}` is no text for a header", secret.secret));
                    return None;
                };
                value.set_sensitive(true);
                Some(FieldValue::Fixed(value))
            }
            Value::Template(text) => {
                let template = compiler.template_for(at, text, parameters, Place::Value)?;
                let Some(text) = template.as_text() else { return Some(FieldValue::Template(template)) };
                let value = HeaderValue::try_from(text).ok();
                if value.is_none() {
                    compiler.error_with(
                        at,
                        "the value is no text for a header",
                        "leave out line breaks and control characters",
                    );
                }
                value.map(FieldValue::Fixed)
            }
        }
    }

    fn rename(from: HeaderName, to: HeaderName) -> Self {
        Self::Rename(from, to)
    }

    fn remove(name: HeaderName) -> Self {
        Self::Remove(name)
    }

    fn set(name: HeaderName, value: FieldValue) -> Self {
        Self::Set(name, value)
    }

    fn default(name: HeaderName, value: FieldValue) -> Self {
        Self::Default(name, value)
    }

    fn append(name: HeaderName, value: FieldValue) -> Self {
        Self::Append(name, value)
    }
}

impl Edit for QueryEdit {
    type Name = Box<str>;
    type Value = Template;

    const IGNORES_CASE: bool = false;

    fn name(compiler: &mut Compiler<'_>, at: &At<'_>, name: &str) -> Option<Box<str>> {
        if name.ends_with('*') {
            compiler.whole_names(at, name, "write each name");
        }
        compiler.plain_name(at, name);
        Some(name.into())
    }

    fn value(compiler: &mut Compiler<'_>, at: &At<'_>, value: &Value, parameters: Parameters<'_>) -> Option<Template> {
        match value {
            Value::Template(text) => compiler.template_for(at, text, parameters, Place::Value),
            Value::Secret(_) => {
                compiler.error_with(
                    at,
                    "a secret can't be sent in a URL, where logs would keep it",
                    "send it as a header: `request.headers.set`",
                );
                None
            }
        }
    }

    fn rename(from: Box<str>, to: Box<str>) -> Self {
        Self::Rename(from, to)
    }

    fn remove(name: Box<str>) -> Self {
        Self::Remove(name)
    }

    fn set(name: Box<str>, value: Template) -> Self {
        Self::Set(name, value)
    }

    fn default(name: Box<str>, value: Template) -> Self {
        Self::Default(name, value)
    }

    fn append(name: Box<str>, value: Template) -> Self {
        Self::Append(name, value)
    }
}
