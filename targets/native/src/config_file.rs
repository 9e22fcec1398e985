//! The configuration on disk.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use gateway_core::config::{AccessLogFormat, Certificates, Composed, Diagnostic, Rule};
use gateway_core::plan::{ListenAddress, Plan};
use terminal_size::{Width, terminal_size_of};

use crate::include::gather;
use crate::platform::CAPABILITIES;
use crate::platform::secrets::NativeSecrets;
use crate::signing_keys;
use crate::text_file::ReadError;
use crate::watch::Files;

/// The folder of secrets that `edgeway init` makes beside the file.
const INIT_SECRETS: &str = "secrets";

/// A configuration on disk.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    secrets: NativeSecrets,
    replaced: Option<(String, String)>,
    /// The addresses to listen on, instead of those in its text.
    listen: Vec<ListenAddress>,
}

/// The reason why a configuration can't be used.
#[derive(Debug)]
pub enum ConfigError {
    /// The file can't be read.
    Read(ReadError),
    /// Its text has these mistakes.
    Mistakes {
        /// The mistakes.
        list: Vec<Diagnostic>,
        /// The text, with the files that it includes.
        composed: Box<Composed>,
    },
}

/// The outcome of reading a configuration, with the files that were read for it.
#[derive(Debug)]
pub struct Loaded {
    /// The plan, or the reason why there is none.
    pub plan: Result<Plan, ConfigError>,
    /// The files, to be looked at for changes.
    pub files: Files,
}

/// Resolves the paths of files in `plan`: relative ones count from the folder of the configuration at `config`, wherever
/// the program was started.
pub fn resolve_paths(plan: &mut Plan, config: &Path) {
    let Some(folder) = config.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return };
    let resolve = |path: &mut String| {
        // A path that is no UTF-8 as a whole can't be written into the plan; then it counts from the working folder.
        if let Ok(resolved) = folder.join(&*path).into_os_string().into_string() {
            *path = resolved;
        }
    };
    let shared = match &mut plan.server.tls {
        None => &mut [][..],
        Some(Certificates::One(one)) => std::slice::from_mut(one),
        Some(Certificates::Several(list)) => list,
    };
    for tls in shared {
        resolve(&mut tls.certificate);
        resolve(&mut tls.key);
        if let Some(clients) = &mut tls.clients {
            resolve(&mut clients.authorities);
            clients.revoked.iter_mut().for_each(resolve);
        }
    }
    for listener in &mut plan.listeners {
        if let ListenAddress::Unix(path) = &mut listener.address {
            resolve(path);
        }
        for tls in &mut listener.certificates {
            resolve(&mut tls.certificate);
            resolve(&mut tls.key);
        }
        if let Some(clients) = &mut listener.clients {
            resolve(&mut clients.authorities);
            clients.revoked.iter_mut().for_each(resolve);
        }
    }
    plan.server.key_value_file.iter_mut().for_each(resolve);
    plan.server.cache_file.iter_mut().for_each(|file| resolve(&mut file.path));
    for redis in plan.counters_redis.iter_mut().chain(&mut plan.responses_redis) {
        redis.authorities.iter_mut().for_each(resolve);
    }
    for upstream in &mut plan.upstreams {
        for endpoint in &mut upstream.endpoints {
            if let Some(socket) = endpoint.socket() {
                let mut path = socket.to_owned();
                resolve(&mut path);
                endpoint.host = format!("unix:{path}");
            }
        }
        upstream.tls.authorities.iter_mut().for_each(resolve);
        if let Some(identity) = &mut upstream.tls.identity {
            resolve(&mut identity.certificate);
            resolve(&mut identity.key);
        }
    }
}

impl ConfigFile {
    /// The file at `path`, with its secrets in `secrets`.
    pub fn new(path: PathBuf, secrets: NativeSecrets) -> Self {
        Self { path, secrets, replaced: None, listen: Vec::new() }
    }

    /// Listens on `addresses`, if there are any, instead of those in its text.
    #[must_use]
    pub fn listening(mut self, addresses: Vec<ListenAddress>) -> Self {
        self.listen = addresses;
        self
    }

    /// Replaces `from` in its text by `to`.
    #[must_use]
    pub fn replacing(mut self, from: String, to: String) -> Self {
        self.replaced = Some((from, to));
        self
    }

    /// Returns `text` with all replacements.
    pub fn replace(&self, text: String) -> String {
        match &self.replaced {
            Some((from, to)) => text.replace(from, to),
            None => text,
        }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks and compiles `composed`.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(&self, composed: Composed) -> Result<Plan, ConfigError> {
        let loaded = composed.load(|text| signing_keys::load(text, &CAPABILITIES, &self.secrets));
        let mut plan = loaded.map_err(|mut list| {
            for mistake in list.iter_mut().filter(|mistake| mistake.rule == Rule::MissingSecret) {
                self.lead_on(mistake);
            }
            ConfigError::Mistakes { list, composed: Box::new(composed) }
        })?;
        resolve_paths(&mut plan, &self.path);
        if !self.listen.is_empty() {
            plan.listen_on(self.listen.clone());
        }
        if std::io::stdout().is_terminal() {
            plan.access_log.columns =
                terminal_size_of(std::io::stdout()).map(|(Width(columns), _)| usize::from(columns));
            if !plan.access_log.is_stated {
                plan.access_log.format = AccessLogFormat::Text;
            }
        }
        Ok(plan)
    }

    /// Says of a secret that is not set that the folder which `init` makes beside the file has it, if that is so.
    fn lead_on(&self, mistake: &mut Diagnostic) {
        let folder = self.path.with_file_name(INIT_SECRETS);
        let name = mistake.message.split('`').nth(1).unwrap_or_default();
        if !name.is_empty() && folder.join(name).is_file() {
            mistake.help = Some(format!("`{}` has it: try `--secrets {0}`", folder.display()));
        }
    }

    /// Reads and compiles it.
    pub fn load(&self) -> Loaded {
        let mut files = Files::default();
        let gathered = gather(&self.path, &mut files, |text| self.replace(text));
        let plan = gathered.and_then(|gathered| self.compile(gathered.composed));
        files.extend(self.secrets.files());
        for path in plan.as_ref().map(named_files).unwrap_or_default() {
            files.add(path);
        }
        Loaded { plan, files }
    }
}

/// Returns the files that are read once `plan` is compiled: certificates, keys and authorities.
fn named_files(plan: &Plan) -> Vec<PathBuf> {
    let certificates = plan.listeners.iter().flat_map(|listener| &listener.certificates);
    let identities = plan.upstreams.iter().filter_map(|upstream| upstream.tls.identity.as_ref());
    let tls = certificates.chain(identities).flat_map(|tls| [&tls.certificate, &tls.key]);
    let authorities = plan.upstreams.iter().filter_map(|upstream| upstream.tls.authorities.as_ref());
    let clients = plan.listeners.iter().filter_map(|listener| listener.clients.as_ref());
    let clients = clients.flat_map(|clients| core::iter::once(&clients.authorities).chain(&clients.revoked));
    tls.chain(authorities).chain(clients).map(PathBuf::from).collect()
}
