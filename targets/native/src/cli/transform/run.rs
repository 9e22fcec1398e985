//! The run of edits on a document, with what is there after each step.

use std::collections::BTreeSet;
use std::sync::Arc;

use gateway_core::call::Call;
use gateway_core::policy::body_edit::lines::Filter;
use gateway_core::policy::body_edit::{BodyEdit, Form, Step, Trouble, Unfit};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use super::edits::content_type;

/// A document after its edits.
pub(super) struct Edited {
    pub(super) content: Vec<u8>,
    /// Its media type.
    pub(super) kind: HeaderValue,
    /// Its form, if it has one that is edited.
    pub(super) form: Option<Form>,
    pub(super) edits: Vec<OneEdit>,
    /// The number of texts that depend on a part of the request that is not there.
    pub(super) texts_without_value: usize,
    /// The variables of these that have no value.
    pub(super) lacking: BTreeSet<String>,
}

/// What one edit has done.
pub(super) struct OneEdit {
    /// The form of the content; none if it passes as it is.
    pub(super) from: Option<Form>,
    /// The form that it gets.
    pub(super) to: Option<Form>,
    /// The content before, as the steps see it; none where that is not asked for, or it passes.
    pub(super) before: Option<String>,
    pub(super) steps: Vec<OneStep>,
}

/// What one step has done.
pub(super) struct OneStep {
    /// The step in words.
    pub(super) words: String,
    /// The place in the list of steps of what it is a part of.
    pub(super) at: String,
    /// The content after it, as the steps see it.
    pub(super) after: String,
}

/// Runs `edits` on `content`, whose media type is in `headers`, for `call`, whose path has parameters of these names, and within `limit`; with what each
/// step does where that `is_asked`.
///
/// # Errors
/// The step that fails, and why.
pub(super) fn run(
    edits: &[Arc<BodyEdit>],
    mut content: Vec<u8>,
    mut headers: HeaderMap,
    (call, parameters): (&Call, &[&str]),
    (limit, is_asked): (u64, bool),
) -> Result<Edited, String> {
    let mut done = Vec::new();
    let mut lacking = BTreeSet::new();
    let mut texts_without_value = 0;
    let mut form = None;
    for (index, edit) in edits.iter().enumerate() {
        let which = if edits.len() == 1 { String::new() } else { format!("edit {} of {}: ", index + 1, edits.len()) };
        let found = edit.form(&headers).map_err(|reason| {
            let forms: Vec<&str> = edit.from.iter().map(|form| form.name()).collect();
            let kind = content_type(&headers);
            format!("{which}{reason}: the document is `{kind}`, and the edit is of {}", forms.join(", "))
        })?;
        form = found;
        let Some(from) = found else {
            done.push(OneEdit { from: None, to: None, before: None, steps: Vec::new() });
            continue;
        };
        let texts = edit.fill(call);
        texts_without_value += texts.iter().filter(|text| text.is_none()).count();
        lacking.extend(edit.templates.iter().flat_map(|template| template.lacking(call, parameters)));
        let one = One { edit, from, headers: &headers, texts: &texts };
        if !from.is_stream() && content.len() as u64 > limit.min(edit.most_bytes) {
            return Err(format!("{which}the document is larger than what is edited: see `maxBytes` and `bodyBytes`"));
        }
        let edited = one.whole(&content).map_err(|fault| [which.clone(), one.blamed(&content, &fault)].concat())?;
        let to = if from == Form::Text || from.is_stream() { from } else { edit.to.unwrap_or(from) };
        let (before, steps) = if is_asked { one.steps(&content)? } else { (None, Vec::new()) };
        done.push(OneEdit { from: Some(from), to: Some(to), before, steps });
        content = edited.0;
        if let Some(kind) = edited.1 {
            headers.insert(CONTENT_TYPE, kind);
        }
        form = Some(to);
    }
    let kind = headers.remove(CONTENT_TYPE).unwrap_or_else(|| HeaderValue::from_static(""));
    Ok(Edited { content, kind, form, edits: done, texts_without_value, lacking })
}

/// One edit of one content.
struct One<'e> {
    edit: &'e Arc<BodyEdit>,
    from: Form,
    headers: &'e HeaderMap,
    texts: &'e [Option<Box<str>>],
}

impl One<'_> {
    fn whole(&self, content: &[u8]) -> Result<(Vec<u8>, Option<HeaderValue>), String> {
        self.by(self.edit, content)
    }

    fn by(&self, edit: &Arc<BodyEdit>, content: &[u8]) -> Result<(Vec<u8>, Option<HeaderValue>), String> {
        if self.from.is_stream() {
            let mut filter = Filter::new(Arc::clone(edit), self.from, self.texts.into());
            let mut out = Vec::new();
            let ended = filter.push(content, &mut out).and_then(|()| filter.finish(&mut out));
            return match (ended, filter.fault().broken()) {
                (Err(_), Some(broken)) => Err(broken.to_string()),
                _ => Ok((out, None)),
            };
        }
        let edited = edit.edit(content, (self.from, self.headers), self.texts);
        edited.map(|edited| (edited.content, edited.kind)).map_err(|trouble| match trouble {
            Trouble::Unread(Unfit::Json(fault)) => {
                let (line, column) = position(content, fault.at);
                format!("{trouble}, line {line}, column {column}")
            }
            trouble => trouble.to_string(),
        })
    }

    /// The content after the first `count` steps, as the steps see it.
    fn after(&self, content: &[u8], count: usize) -> Result<String, String> {
        let edit = BodyEdit {
            steps: self.edit.steps.iter().take(count).cloned().collect(),
            text: self.edit.text.iter().take(count).cloned().collect(),
            to: Some(Form::Json),
            ..BodyEdit::clone(self.edit)
        };
        let (content, _) = self.by(&Arc::new(edit), content)?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    /// The steps in words.
    fn words(&self) -> Vec<String> {
        match self.from {
            Form::Text => self.edit.text.iter().map(|one| one.describe()).collect(),
            _ => self.edit.steps.iter().map(Step::describe).collect(),
        }
    }

    /// The place of the step with this number, from 1, in its list in the configuration.
    fn place(&self, number: usize) -> String {
        let index = number.saturating_sub(1);
        match self.from {
            Form::Text => format!("text[{index}]"),
            _ => format!("json[{}]", self.edit.places.get(index).unwrap_or(&index)),
        }
    }

    fn steps(&self, content: &[u8]) -> Result<(Option<String>, Vec<OneStep>), String> {
        let before = self.after(content, 0)?;
        let steps = self
            .words()
            .into_iter()
            .zip(1..)
            .map(|(words, count)| Ok(OneStep { words, at: self.place(count), after: self.after(content, count)? }));
        Ok((Some(before), steps.collect::<Result<_, String>>()?))
    }

    /// The words for `fault`, with the step that it comes of.
    fn blamed(&self, content: &[u8], fault: &str) -> String {
        if self.after(content, 0).is_err() {
            return format!("the document can't be read: {fault}");
        }
        let words = self.words();
        let failing = (1..=words.len()).find(|count| self.after(content, *count).is_err());
        match failing.and_then(|count| Some((count, words.get(count.checked_sub(1)?)?))) {
            Some((count, step)) => {
                format!("step {count} of {} (`{}`), {step}: {fault}", words.len(), self.place(count))
            }
            None => format!("the result can't be written: {fault}"),
        }
    }
}

/// The line and the column, both from 1, of the byte at `offset`.
fn position(content: &[u8], offset: usize) -> (usize, usize) {
    let before = content.get(..offset).unwrap_or(content);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(before.get(start..).unwrap_or_default()).chars().count() + 1;
    (line, column)
}
