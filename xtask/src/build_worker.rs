//! Builds the Worker without fetching a program from anywhere: the code generator is a library of the same version as
//! the `wasm-bindgen` in `Cargo.lock`, the optimiser and the bundler come with `npm ci`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::paths::{dist, npm_program, root, run, target};
use crate::{generate, measure, reorder, unused};

/// The wasm features that workerd has and that `rustc` emits for `wasm32-unknown-unknown`.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// At a cold start the engine compiles each function that is called, whole. Without a bound the optimiser inlines whatever
/// has one caller, and what a configuration does not use would be compiled along with what it does.
const SMALL_FUNCTIONS: &str = "--one-caller-inline-max-function-size=60";

/// One of the two programs, each a wasm and the script that it goes with.
struct Program {
    /// The features of `edgeway-cloudflare`.
    features: &'static str,
    /// Where the generator writes, in the target folder.
    generated: &'static str,
    entry: &'static str,
    script: &'static str,
    wasm: &'static str,
    /// The entry of the same program as a library, and its script.
    library: Option<(&'static str, &'static str)>,
}

/// What is deployed.
const WORKER: Program = Program {
    features: "",
    generated: "worker",
    entry: "worker.ts",
    script: "worker.js",
    wasm: "edgeway.wasm",
    library: Some(("library.ts", "library.js")),
};

/// The check before a deployment.
const CHECK: Program = Program {
    features: "thorough",
    generated: "worker-check",
    entry: "check.ts",
    script: "check.mjs",
    wasm: "check.wasm",
    library: None,
};

/// Leaves `worker.js` and `library.js` with `edgeway.wasm`, and `check.mjs` with `check.wasm`, in `dist/cloudflare/`.
fn steps(dist: &Path) -> Result<()> {
    generate::check()?;
    std::fs::create_dir_all(dist)?;
    // The Worker last: what `cargo` leaves is the one that is deployed.
    [CHECK, WORKER].iter().try_for_each(|program| build(program, dist))
}

fn build(program: &Program, dist: &Path) -> Result<()> {
    let generated = target().join(program.generated);
    compile(program.features)?;
    generate(&target().join("wasm32-unknown-unknown/worker/edgeway_cloudflare.wasm"), &generated)?;
    let (wasm, script) = (generated.join("edgeway_bg.wasm"), dist.join(program.script));
    unused::free_classes(&generated.join("edgeway.js"))?;
    bundle(program.entry, &script, &generated)?;
    if let Some((entry, script)) = program.library {
        bundle(entry, &dist.join(script), &generated)?;
    }
    unused::drop_exports(&wasm, &[&script])?;
    let optimised = dist.join(program.wasm);
    optimise(&wasm, &optimised)?;
    reorder::functions(&optimised)
}

/// Builds into `dist/cloudflare/` and prints the sizes.
pub(crate) fn run_and_measure() -> Result<()> {
    steps(&dist())?;
    measure::run()
}

fn compile(features: &str) -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["build", "--profile", "worker", "--locked"]);
    cargo.args(["--package", "edgeway-cloudflare", "--target", "wasm32-unknown-unknown", "--features", features]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", without_paths()?.join("\u{1f}"));
    run(cargo)
}

/// What makes messages name sources by short paths, and not by those of the machine that builds: these would be uploaded, too.
fn without_paths() -> Result<Vec<String>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let Some(home) = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))) else { return Ok(Vec::new()) };
    let Ok(registries) = std::fs::read_dir(home.join("registry/src")) else { return Ok(Vec::new()) };
    let flag = |path: &Path| format!("--remap-path-prefix={}=", path.display());
    registries.map(|registry| Ok(flag(&registry?.path()))).collect()
}

/// Writes the JavaScript that belongs to the exports, and the wasm without what only the generator needs.
fn generate(wasm: &Path, out: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(wasm)
        .out_name("edgeway")
        .web(true)?
        .typescript(true)
        .omit_default_module_path(true)
        .remove_producers_section(true)
        .remove_name_section(true)
        .reset_state_function(true)
        .generate(out)
        .context("wasm-bindgen failed")
}

fn optimise(wasm: &Path, out: &Path) -> Result<()> {
    let mut optimiser = npm_program("binaryen/bin/wasm-opt")?;
    optimiser.args(FEATURES).args(["-Os", SMALL_FUNCTIONS, "--output"]).arg(out).arg(wasm);
    run(optimiser)
}

fn bundle(entry: &str, out: &Path, generated: &Path) -> Result<()> {
    let mut bundler = Command::new(root().join("node_modules/.bin/esbuild"));
    bundler.current_dir(root());
    bundler
        .arg(format!("targets/cloudflare/js/{entry}"))
        .args(["--bundle", "--minify-whitespace", "--format=esm", "--target=es2024", "--log-level=warning"])
        .args(["--external:cloudflare:*", "--external:node:*", "--external:*.wasm", "--external:*.json"])
        .arg(format!("--alias:edgeway-wasm={}", generated.join("edgeway.js").display()))
        .arg(format!("--outfile={}", out.display()));
    run(bundler)
}
