//! The files that a configuration includes.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use gateway_core::config::{self, Composed, ConfigError, Rule, Source};

use crate::config_file;
use crate::text_file::{LARGEST, open, read, read_text, within};
use crate::watch::Files;

/// The most files that a configuration includes.
const MOST_FILES: usize = 1_000;

/// `path` as an entry of `include` in a configuration in `folder`.
fn as_written(folder: &Path, path: &Path) -> String {
    plain(path.strip_prefix(folder).unwrap_or(path))
}

/// The most entries of a folder that are looked through.
const MOST_ENTRIES: usize = 10_000;

/// A configuration with the files that it includes.
#[derive(Debug)]
pub struct Gathered {
    /// The text, and where its parts are from.
    pub composed: Composed,
    /// Patterns that no file has.
    pub unmatched: Vec<ConfigError>,
}

/// Files by name: those in a folder whose names have the form `*.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    folder: PathBuf,
    name: String,
}

impl Pattern {
    /// The path of the pattern itself.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Returns the paths of the files, by name; hidden ones are none of them.
    ///
    /// # Errors
    /// When the folder can't be read, or has too many entries.
    pub fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for (index, entry) in std::fs::read_dir(&self.folder)?.enumerate() {
            if index >= MOST_ENTRIES {
                return Err(io::Error::other(format!("the folder has more than {MOST_ENTRIES} entries")));
            }
            let name = entry?.file_name();
            if name.to_str().is_some_and(|name| matches(&self.name, name)) {
                found.push(self.folder.join(name));
            }
        }
        found.retain(|path| path.is_file());
        found.sort();
        Ok(found)
    }
}

/// Returns whether `name` has the form of `pattern`, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    if first.is_empty() && name.starts_with('.') {
        return false;
    }
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match left.find(part) {
            Some(at) => left = left.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    left.ends_with(last)
}

/// The reason why a file can't be included, and the way to mend it.
#[derive(Debug)]
struct Refusal(String, Option<Cow<'static, str>>);

impl Refusal {
    fn of(message: impl Into<String>) -> Self {
        Self(message.into(), None)
    }

    fn at(self, at: gateway_core::config::JsonPath) -> ConfigError {
        let error = ConfigError::new(at, self.0).of_rule(Rule::File);
        match self.1 {
            Some(help) => error.with_help(help),
            None => error,
        }
    }
}

const OUTSIDE: &str = "included files are in the configuration's folder, or in folders below it";

/// An entry of `include`.
enum Entry {
    One(PathBuf),
    Several(Pattern),
}

impl Entry {
    /// Reads `written`, which counts from `folder`.
    fn parse(folder: &Path, written: &str) -> Result<Self, Refusal> {
        if written.contains("${") {
            return Err(Refusal::of("the name of an included file takes no variables"));
        }
        let mut path = PathBuf::new();
        for component in Path::new(written).components() {
            match component {
                Component::Normal(name) => path.push(name),
                Component::CurDir => {}
                _ => {
                    return Err(Refusal(
                        format!("`{written}` leads out of the configuration's folder"),
                        Some(OUTSIDE.into()),
                    ));
                }
            }
        }
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(Refusal(
                format!("`{written}` names no file"),
                Some("write it as `routes.json` or `routes/*.json`".into()),
            ));
        };
        let (folder, name) = (folder.join(path.parent().unwrap_or(Path::new(""))), name.to_owned());
        if path.parent().is_some_and(|parent| parent.to_string_lossy().contains('*')) {
            let help = "list the folders one by one";
            return Err(Refusal(
                "`*` stands for a part of a file's name, not of a folder's".to_owned(),
                Some(help.into()),
            ));
        }
        Ok(if name.contains('*') { Self::Several(Pattern { folder, name }) } else { Self::One(folder.join(name)) })
    }
}

/// `path` without `./` before it, as its author wrote it.
fn plain(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

/// The most entries of a folder that a name is compared with.
const MOST_COMPARED: usize = 1_000;

/// The way to mend the name of a missing file: the one beside it that is most like it.
fn alike(place: &Path, path: &Path) -> String {
    let (folder, name) = (path.parent().unwrap_or(Path::new(".")), path.file_name().and_then(|name| name.to_str()));
    let entries = std::fs::read_dir(folder).into_iter().flatten().take(MOST_COMPARED).filter_map(Result::ok);
    let names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    match config::suggest(name.unwrap_or_default(), names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{}`?", as_written(place, &folder.join(name))),
        None => "paths count from the folder of the configuration".to_owned(),
    }
}

/// Returns the true path of `path`, which has to be in `folder`.
fn inside(folder: &Path, path: &Path) -> Result<PathBuf, Refusal> {
    let unreadable = |path: &Path, error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            Refusal(format!("there is no file `{}`", plain(path)), Some(alike(folder, path).into()))
        }
        _ => Refusal::of(format!("{} can't be read: {error}", plain(path))),
    };
    let root = folder.canonicalize().map_err(|error| unreadable(folder, error))?;
    let real = path.canonicalize().map_err(|error| unreadable(path, error))?;
    if real.is_dir() {
        let name = plain(path);
        let help = format!("write `{}/*.json` for the files in it", as_written(folder, path));
        return Err(Refusal(format!("`{name}` is a folder, not a file"), Some(help.into())));
    }
    if real.starts_with(root) {
        return Ok(real);
    }
    Err(leads_out(path))
}

fn leads_out(path: &Path) -> Refusal {
    let message = format!("{} is a link that leads out of the configuration's folder", path.display());
    Refusal(message, Some(OUTSIDE.into()))
}

/// Opens the file at `path`, which has to be in `folder`. Returns its true path, too.
///
/// A link may be set elsewhere at any time, so it is the opened file that is looked at.
fn open_inside(folder: &Path, path: &Path) -> Result<(PathBuf, File), Refusal> {
    inside(folder, path)?;
    let file = open(path).map_err(|error| Refusal::of(format!("{} can't be read: {error}", path.display())))?;
    let real = opened_inside(folder, path, &file)?;
    Ok((real, file))
}

/// Returns the true path of `file`, opened at `path`, which has to be in `folder`.
fn opened_inside(folder: &Path, path: &Path, file: &File) -> Result<PathBuf, Refusal> {
    let place =
        folder.canonicalize().map_err(|error| Refusal::of(format!("{} can't be read: {error}", plain(folder))))?;
    match opened_path(file) {
        Some(real) if real.starts_with(&place) => Ok(real),
        Some(_) => Err(leads_out(path)),
        None => {
            let real = inside(folder, path)?;
            if is_at(file, &real) { Ok(real) } else { Err(leads_out(path)) }
        }
    }
}

/// The path of an open file, where the system tells it.
#[cfg(target_os = "linux")]
fn opened_path(file: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd as _;
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok().filter(|path| path.is_absolute())
}

#[cfg(not(target_os = "linux"))]
fn opened_path(_: &File) -> Option<PathBuf> {
    None
}

/// Returns whether `file` is what is at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let (Ok(opened), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else { return false };
        (opened.dev(), opened.ino()) == (there.dev(), there.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}

/// Reads the configuration at `path` and the files that it includes, and adds each to `files` before. `change` is made to every text.
///
/// # Errors
/// When one can't be read, or is not to be included.
pub fn gather(
    path: &Path,
    files: &mut Files,
    change: impl Fn(String) -> String,
) -> Result<Gathered, config_file::ConfigError> {
    files.add(path.to_owned());
    let main = change(read_text(path).map_err(config_file::ConfigError::Read)?);
    let includes = config::includes(&main);
    if includes.is_empty() {
        return Ok(Gathered { composed: Composed::alone(main), unmatched: Vec::new() });
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut gatherer = Gatherer {
        folder: folder.to_owned(),
        seen: path.canonicalize().into_iter().collect(),
        sources: Vec::new(),
        left: LARGEST.saturating_sub(main.len() as u64),
    };
    let (mut errors, mut unmatched) = (Vec::new(), Vec::new());
    for (at, written) in includes {
        match gatherer.add(&written, files, &change) {
            Ok(true) => {}
            Ok(false) => unmatched.push(
                ConfigError::new(at, format!("no file matches `{written}`"))
                    .with_help("remove it, or look at the folder"),
            ),
            Err(refusal) => errors.push(refusal.at(at)),
        }
    }
    if errors.is_empty() {
        return Ok(Gathered { composed: Composed::new(main, gatherer.sources), unmatched });
    }
    let list = config::explain(&main, errors);
    Err(config_file::ConfigError::Mistakes { list, composed: Box::new(Composed::alone(main)) })
}

/// The files that have been read.
struct Gatherer {
    /// The configuration's folder.
    folder: PathBuf,
    /// The true paths of the configuration and of all files.
    seen: Vec<PathBuf>,
    sources: Vec<Source>,
    /// The number of bytes that more files may have.
    left: u64,
}

impl Gatherer {
    /// Reads the files of an entry; those that were read before are left out. Returns whether there are any.
    fn add(&mut self, written: &str, files: &mut Files, change: impl Fn(String) -> String) -> Result<bool, Refusal> {
        let paths = match Entry::parse(&self.folder, written)? {
            Entry::One(path) => vec![path],
            Entry::Several(pattern) => {
                files.add_pattern(pattern.clone());
                let found = within(move || Ok(pattern.files())).map_err(|error| Refusal::of(error.to_string()))?;
                found.map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => Refusal::of(format!("there is no folder for `{written}`")),
                    _ => Refusal::of(format!("the folder of `{written}` can't be read: {error}")),
                })?
            }
        };
        let mut has_some = false;
        for path in paths {
            files.add(path.clone());
            let (folder, looked_at) = (self.folder.clone(), path.clone());
            let opened = within(move || Ok(open_inside(&folder, &looked_at)));
            let (real, file) = opened.map_err(|error| Refusal::of(error.to_string()))??;
            has_some |= self.seen.first() != Some(&real);
            if self.seen.contains(&real) {
                continue;
            }
            if self.sources.len() >= MOST_FILES {
                return Err(Refusal::of(format!("more than {MOST_FILES} files are included")));
            }
            let name = path.strip_prefix(".").unwrap_or(&path).display().to_string();
            let text =
                within(move || read(file)).map_err(|error| Refusal::of(format!("{name} can't be read: {error}")))?;
            let text = change(text);
            let length = text.len() as u64;
            self.left = self.left.checked_sub(length).ok_or_else(|| {
                Refusal::of(format!("the configuration and its files are larger than {} MiB together", LARGEST >> 20))
            })?;
            self.seen.push(real);
            self.sources.push(Source { name, text });
        }
        Ok(has_some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Several files: links that lead out are refused, whenever they are set.
    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_inside_only_after_it_was_opened_is_refused() {
        use std::os::unix::fs::symlink;
        let base = std::env::temp_dir().join(format!("edgeway-swapped-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&base);
        let folder = base.join("conf");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(base.join("secret.json"), "{}").unwrap();
        std::fs::write(folder.join("a.json"), "{}").unwrap();
        let link = folder.join("link.json");
        symlink(base.join("secret.json"), &link).unwrap();
        let secret = File::open(&link).unwrap();
        std::fs::remove_file(&link).unwrap();
        symlink(folder.join("a.json"), &link).unwrap();
        assert!(inside(&folder, &link).is_ok(), "by its path alone it is inside");
        assert!(opened_inside(&folder, &link, &secret).is_err());
        assert!(!is_at(&secret, &link));
        assert_eq!(open_inside(&folder, &link).unwrap().0, folder.canonicalize().unwrap().join("a.json"));
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn an_asterisk_stands_for_any_characters_but_a_leading_dot() {
        for (pattern, name) in [
            ("*.json", "a.json"),
            ("*.json", "a.b.json"),
            ("a*", "a"),
            ("a*c*.json", "abcd.json"),
            ("*", "x"),
            ("a", "a"),
            (".*", ".a"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.json", "a.jsonc"),
            ("*.json", ".json"),
            ("*.json", ".hidden.json"),
            ("a*a", "a"),
            ("a*bc*bc", "abc"),
            ("a*", "b"),
            ("A*", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
