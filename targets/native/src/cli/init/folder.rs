//! The folder that is written to: all of its files, or none.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::recipe::Filled;
use crate::cli::target::Target;

const IGNORED: &str = include_str!("../../../../../recipes/platforms/gitignore");
const WRANGLER: &str = include_str!("../../../../../recipes/platforms/cloudflare/wrangler.jsonc");
const WORKER: &str = include_str!("../../../../../recipes/platforms/cloudflare/worker.js");
const PACKAGE: &str = include_str!("../../../../../recipes/platforms/cloudflare/package.json");
const SPIN: &str = include_str!("../../../../../recipes/platforms/spin/spin.toml");

/// The list of what git is to leave out.
const IGNORE: &str = ".gitignore";

/// The version of `edgeway` that the package has, until it is written.
const NO_VERSION: &str = "\"edgeway\": \"0.0.0\"";

/// The name of the component, in releases and beside `spin.toml`.
const COMPONENT: &str = "edgeway-spin.wasm";

/// What a project has already: one that is there is left as it is, even with `--force`.
const KEPT: [&str; 2] = [IGNORE, "package.json"];

struct File {
    name: String,
    content: Vec<u8>,
    /// Whether its owner alone may read it.
    is_secret: bool,
}

/// Files to write.
pub(super) struct Folder {
    path: PathBuf,
    is_forced: bool,
    files: Vec<File>,
}

/// What has been written, by the names in the folder.
pub(super) struct Made {
    pub(super) files: Vec<String>,
    /// Those that were there, and are as they were; a list of names that git is to leave out with the lines that it lacks.
    pub(super) kept: Vec<(String, Vec<String>)>,
}

/// The version of wrangler that the package names.
pub(super) fn wrangler_version() -> &'static str {
    PACKAGE
        .split_once("\"wrangler\": \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("latest", |(version, _)| version)
}

/// The component for Spin: the one at `named`, or else the one that came with this program, if one did.
pub(super) fn component(named: Option<&Path>) -> Result<Option<Vec<u8>>, String> {
    if let Some(path) = named {
        let read = std::fs::read(path);
        return read.map(Some).map_err(|error| format!("`{}` can't be read: {error}", path.display()));
    }
    let Some(folder) =
        std::env::current_exe().ok().and_then(|path| path.canonicalize().ok()?.parent().map(Path::to_owned))
    else {
        return Ok(None);
    };
    let places = [folder.join(COMPONENT), folder.join("../share/edgeway").join(COMPONENT)];
    Ok(places.iter().find_map(|path| std::fs::read(path).ok()))
}

impl Folder {
    pub(super) const fn new(path: PathBuf, is_forced: bool) -> Self {
        Self { path, is_forced, files: Vec::new() }
    }

    fn add(&mut self, name: &str, content: impl Into<Vec<u8>>) {
        self.files.push(File { name: name.to_owned(), content: content.into(), is_secret: false });
    }

    fn add_secret(&mut self, name: &str, content: String) {
        self.files.push(File { name: name.to_owned(), content: content.into(), is_secret: true });
    }

    /// Adds the configuration of a recipe, and what `targets` need beside it.
    pub(super) fn add_recipe(&mut self, recipe: &Filled, targets: &[Target]) {
        self.add("gateway.json", &*recipe.configuration);
        self.add("gateway.schema.json", schema());
        self.add(IGNORE, IGNORED);
        for target in [Target::Native, Target::Cloudflare, Target::Spin] {
            if targets.contains(&target) {
                self.add_platform(recipe, target);
            }
        }
    }

    fn add_platform(&mut self, recipe: &Filled, target: Target) {
        let secrets = |line: &dyn Fn(&str, &str) -> String| -> String {
            recipe.secrets.iter().map(|(name, value)| line(name, value)).collect()
        };
        match target {
            Target::Native => {
                for (name, value) in &recipe.secrets {
                    self.add_secret(&format!("secrets/{name}"), format!("{value}\n"));
                }
            }
            Target::Cloudflare => {
                self.add("wrangler.jsonc", WRANGLER);
                self.add("worker.js", WORKER);
                self.add(
                    "package.json",
                    PACKAGE.replace(NO_VERSION, &format!("\"edgeway\": \"{}\"", env!("CARGO_PKG_VERSION"))),
                );
                if !recipe.secrets.is_empty() {
                    self.add_secret(".dev.vars", secrets(&|name, value| format!("{name}={value}\n")));
                }
            }
            Target::Spin => {
                let variable = |name: &str| name.to_ascii_lowercase();
                let declared =
                    secrets(&|name, _| format!("{} = {{ required = true, secret = true }}\n", variable(name)));
                let passed = secrets(&|name, _| format!("{0} = \"{{{{ {0} }}}}\"\n", variable(name)));
                let manifest = SPIN
                    .replace("[variables]\n", &format!("[variables]\n{declared}"))
                    .replace("[component.gateway.variables]\n", &format!("[component.gateway.variables]\n{passed}"));
                self.add("spin.toml", manifest);
                if !recipe.secrets.is_empty() {
                    self.add_secret(".env", secrets(&|name, value| format!("SPIN_VARIABLE_{name}={value}\n")));
                }
            }
        }
    }

    pub(super) fn add_component(&mut self, content: Vec<u8>) {
        self.add(COMPONENT, content);
    }

    /// Writes all of them; none where one is there already.
    pub(super) fn write(self) -> Result<Made, String> {
        let Self { path: folder, is_forced, files } = self;
        let is_there = |file: &File| folder.join(&file.name).symlink_metadata().is_ok();
        let (kept, files): (Vec<File>, _) =
            files.into_iter().partition(|file| KEPT.contains(&&*file.name) && is_there(file));
        let there: Vec<_> = files.iter().filter(|file| is_there(file)).map(|file| format!("`{}`", file.name)).collect();
        if !is_forced && let Some((last, rest)) = there.split_last() {
            let (names, verb) =
                if rest.is_empty() { (last.clone(), "is") } else { (format!("{} and {last}", rest.join(", ")), "are") };
            return Err(format!(
                "{names} {verb} there already, and nothing was written: name another folder, or overwrite with --force"
            ));
        }
        for file in &files {
            let path = folder.join(&file.name);
            write(&path, file, is_forced).map_err(|error| format!("`{}` can't be written: {error}", path.display()))?;
        }
        let names = |files: Vec<File>| files.into_iter().map(|file| file.name).collect::<Vec<_>>();
        let kept = names(kept).into_iter().map(|name| {
            let lacks = if name == IGNORE { unignored(&folder) } else { Vec::new() };
            (name, lacks)
        });
        Ok(Made { kept: kept.collect(), files: names(files) })
    }
}

/// The names that git is to leave out, and of which its list in `folder` says nothing.
fn unignored(folder: &Path) -> Vec<String> {
    let there = std::fs::read_to_string(folder.join(IGNORE)).unwrap_or_default();
    let bare = |line: &str| line.trim().trim_matches('/').to_owned();
    let has = |name: &str| there.lines().any(|line| bare(line) == bare(name));
    IGNORED.lines().filter(|line| !line.starts_with('#') && !has(line)).map(str::to_owned).collect()
}

fn write(path: &Path, file: &File, is_forced: bool) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    if is_forced {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    #[cfg(unix)]
    if file.is_secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options.open(path)?.write_all(&file.content)
}

/// The schema, as `edgeway schema` prints it.
fn schema() -> String {
    serde_json::to_string_pretty(&gateway_core::config::json_schema()).unwrap_or_default() + "\n"
}
