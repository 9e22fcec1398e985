//! Holds the wasm to its size budget and to its imports.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;
use wasmparser::{Parser, Payload};

use crate::paths::{dist, root};

/// The largest sizes that an artefact may have, in bytes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    /// Where it is, from the workspace's root.
    path: PathBuf,
    /// As it is.
    raw: usize,
    /// By `gzip -9`, which is how a Worker's limit counts.
    gzipped: usize,
}

/// Prints a table of sizes and fails when one is over budget or the Worker imports what it may not.
pub(crate) fn run() -> Result<()> {
    let budgets = std::fs::read_to_string(root().join("benches/size-budget.json"))?;
    let budgets: BTreeMap<String, Budget> = serde_json::from_str(&budgets).context("benches/size-budget.json")?;
    let mut faults = Vec::new();

    println!("{:<24} {:>12} {:>12} {:>12} {:>12}", "bytes", "raw", "budget", "gzipped", "budget");
    for (name, budget) in &budgets {
        let path = root().join(&budget.path);
        if !path.exists() {
            println!("{name:<24} not built: {}", budget.path.display());
            continue;
        }
        let content = std::fs::read(&path)?;
        let (raw, gzipped) = (content.len(), gzipped_len(&content)?);
        println!("{name:<24} {raw:>12} {:>12} {gzipped:>12} {:>12}", budget.raw, budget.gzipped);
        if raw > budget.raw || gzipped > budget.gzipped {
            faults.push(format!("{name} is over its budget in benches/size-budget.json"));
        }
    }
    faults.extend(foreign_imports(&dist().join("edgeway.wasm"))?);

    if faults.is_empty() { Ok(()) } else { bail!(faults.join("\n")) }
}

fn gzipped_len(content: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?.len())
}

/// Every import of the Worker's wasm that is not a function of wasm-bindgen's own glue.
fn foreign_imports(wasm: &Path) -> Result<Vec<String>> {
    let content =
        std::fs::read(wasm).with_context(|| format!("`{}`: run `cargo xtask build-worker`", wasm.display()))?;
    let (mut foreign, mut count) = (Vec::new(), 0);
    for payload in Parser::new(0).parse_all(&content) {
        if let Payload::ImportSection(imports) = payload? {
            for import in imports.into_imports() {
                let import = import?;
                count += 1;
                if import.module != "./edgeway_bg.js" || !import.name.starts_with("__wb") {
                    foreign.push(format!("the Worker's wasm imports `{}` from `{}`", import.name, import.module));
                }
            }
        }
    }
    println!("imports of edgeway.wasm: {count}, all of wasm-bindgen's glue: {}", foreign.is_empty());
    Ok(foreign)
}
