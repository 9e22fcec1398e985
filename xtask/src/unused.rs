//! Takes out of the Worker what its dependencies export and its glue never calls: bindings of services that it does not use.
//!
//! An export keeps what it calls; without it, the optimiser drops that as well.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use wasmparser::{Parser, Payload};

/// What tests call, by its name.
const FOR_TESTS: &str = "waiting";

const EXPORT_SECTION: u8 = 7;

/// Lets the bundler drop the generated classes in `glue` that nobody names: by themselves they look as if they did something.
pub(crate) fn free_classes(glue: &Path) -> Result<()> {
    let text = std::fs::read_to_string(glue)?;
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("if (Symbol.dispose)"))
        .map(|line| line.replace(": new FinalizationRegistry(", ": /* @__PURE__ */ new FinalizationRegistry("))
        .collect();
    std::fs::write(glue, lines.join("\n")).with_context(|| format!("`{}`", glue.display()))
}

/// Takes the exports out of `wasm` whose names stand in none of `scripts`.
pub(crate) fn drop_exports(wasm: &Path, scripts: &[&Path]) -> Result<()> {
    let scripts = scripts.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?.concat();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let words: HashSet<_> = scripts.split(|c| !is_word(c)).collect();
    let content = std::fs::read(wasm)?;
    let mut section = None;
    for payload in Parser::new(0).parse_all(&content) {
        if let Payload::ExportSection(exports) = payload? {
            section = Some(exports);
        }
    }
    let Some(exports) = section else { return Ok(()) };
    let whole = exports.range();

    let (mut kept, mut count) = (Vec::new(), 0);
    let mut entries = exports.into_iter_with_offsets().peekable();
    while let Some(entry) = entries.next() {
        let (start, export) = entry?;
        let end = match entries.peek() {
            Some(Ok((next, _))) => *next,
            _ => whole.end,
        };
        if export.name == FOR_TESTS || words.contains(export.name) {
            count += 1;
            kept.extend(content.get(start..end).context("an export beyond the end")?);
        }
    }
    let mut body = leb128(count);
    body.append(&mut kept);

    // The section's identifier and its length stand before it.
    let before = whole.start.checked_sub(1 + leb128(whole.len()).len());
    let mut stripped = content.get(..before.context("no section")?).context("no section")?.to_vec();
    stripped.push(EXPORT_SECTION);
    stripped.extend(leb128(body.len()));
    stripped.extend(body);
    stripped.extend(content.get(whole.end..).context("no end")?);
    std::fs::write(wasm, stripped).with_context(|| format!("`{}`", wasm.display()))
}

/// An unsigned number in LEB128 (WebAssembly core §5.2.2), as short as can be.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
