//! Makes a release: the native program, linked statically, with manual pages and completions; the component for Spin, and a template
//! over it; the npm package; a list of what is in the program (SBOM); and the digests of all of these.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::npm::{copy, copy_folder};
use crate::paths::{self, root, target};
use crate::{npm, sbom};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Static programs run on any Linux, and in an image that has nothing else.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// The completions, and where systems look for them.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/edgeway"),
    ("zsh", "share/zsh/site-functions/_edgeway"),
    ("fish", "share/fish/vendor_completions.d/edgeway.fish"),
];

/// Leaves the release in `dist/release/`.
pub(crate) fn run() -> Result<()> {
    let out = root().join("dist/release");
    if out.exists() {
        std::fs::remove_dir_all(&out)?;
    }
    std::fs::create_dir_all(&out)?;
    npm::run()?;
    build(&["--package", "edgeway", "--target", TARGET]).with_context(|| {
        format!("a static program takes `rustup target add {TARGET}` and a C compiler for it (Debian's musl-tools)")
    })?;
    build(&["--package", "edgeway-spin", "--target", "wasm32-wasip2"])?;
    let program = target().join(TARGET).join("release/edgeway");
    let component = target().join("wasm32-wasip2/release/edgeway_spin.wasm");

    let name = format!("edgeway-{VERSION}-{TARGET}");
    let folder = out.join(&name);
    lay_out(&program, &component, &folder)?;
    archive(&out, &name)?;
    let template = format!("edgeway-spin-template-{VERSION}");
    lay_out_template(&program, &component, &out.join(&template))?;
    archive(&out, &template)?;
    copy(&component, &out.join("edgeway-spin.wasm"))?;
    for entry in std::fs::read_dir(root().join("dist/npm"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tgz") {
            copy(&path, &out.join(format!("edgeway-npm-{VERSION}.tgz")))?;
        }
    }
    std::fs::write(out.join(format!("{name}.cdx.json")), sbom::of("edgeway", TARGET)?)?;
    std::fs::write(out.join("SHA256SUMS"), digests(&out)?)?;
    println!("{}", out.display());
    Ok(())
}

fn build(arguments: &[&str]) -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["build", "--release", "--locked"]).args(arguments);
    paths::run(cargo)
}

/// The folders of the archive are those below `/usr/local`.
fn lay_out(program: &Path, component: &Path, folder: &Path) -> Result<()> {
    place(program, &folder.join("bin/edgeway"))?;
    place(component, &folder.join("share/edgeway/edgeway-spin.wasm"))?;
    for file in ["LICENSE", "README.md", "CHANGELOG.md"] {
        place(&root().join(file), &folder.join("share/doc/edgeway").join(file))?;
    }
    copy_folder(&root().join("deploy"), &folder.join("share/doc/edgeway/deploy"))?;
    let mut man = Command::new(program);
    man.arg("man").arg(folder.join("share/man/man1"));
    paths::run(man)?;
    for (shell, path) in COMPLETIONS {
        let script = Command::new(program).args(["completions", shell]).output()?;
        if !script.status.success() {
            bail!("`edgeway completions {shell}` failed");
        }
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, script.stdout)?;
    }
    Ok(())
}

/// A template of Spin has what `init` writes, and the name that its user chooses.
fn lay_out_template(program: &Path, component: &Path, folder: &Path) -> Result<()> {
    let place = folder.join("templates/edgeway");
    let (metadata, content) = (place.join("metadata"), place.join("content"));
    std::fs::create_dir_all(&metadata)?;
    copy(&root().join("recipes/platforms/spin/spin-template.toml"), &metadata.join("spin-template.toml"))?;
    let mut init = Command::new(program);
    init.arg("init").arg(&content).args(["--target", "spin", "--component"]).arg(component);
    init.stdout(std::process::Stdio::null());
    paths::run(init)?;
    let manifest = content.join("spin.toml");
    let text = std::fs::read_to_string(&manifest)?;
    std::fs::write(manifest, text.replacen("name = \"gateway\"", "name = \"{{project-name}}\"", 1))?;
    Ok(())
}

fn place(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to.parent().unwrap_or(to))?;
    copy(from, to)
}

/// Packs a folder of `out` into an archive, with nothing in it of who has made it and when.
fn archive(out: &Path, name: &str) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.current_dir(out).args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-czf"]);
    tar.arg(format!("{name}.tar.gz")).arg(name);
    paths::run(tar)?;
    Ok(std::fs::remove_dir_all(out.join(name))?)
}

/// What `sha256sum --check` reads.
fn digests(out: &Path) -> Result<String> {
    let paths: Result<Vec<PathBuf>, _> = std::fs::read_dir(out)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths?;
    paths.sort();
    let mut text = String::new();
    for path in paths {
        let digest = Sha256::digest(std::fs::read(&path)?);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{digest}  {}", path.file_name().unwrap_or_default().to_string_lossy())?;
    }
    Ok(text)
}
