//! `edgeway-spin-host [--from spin.toml] [--listen ADDRESS] [--variable NAME=VALUE]… [--component FILE] [--file SOURCE=DESTINATION]…`
//!
//! Serves the component of a `spin.toml` as `spin up` does. `--component` and `--file` take the place of what `spin.toml`
//! says. Variables also come from `SPIN_VARIABLE_NAME`. Prints the address once it listens.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use edgeway_spin_host::{Host, Mount, manifest};

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("edgeway-spin-host: {message}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    from: PathBuf,
    listen: Option<SocketAddr>,
    component: Option<PathBuf>,
    variables: Vec<(String, String)>,
    files: Vec<Mount>,
}

async fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let arguments = parse(arguments)?;
    let mut manifest = manifest::read(&arguments.from)?;
    manifest.options.listen = arguments.listen.unwrap_or(manifest.options.listen);
    for mount in arguments.files {
        manifest.options.files.retain(|other| other.destination != mount.destination);
        manifest.options.files.push(mount);
    }
    let environment = std::env::vars()
        .filter_map(|(name, value)| Some((name.strip_prefix("SPIN_VARIABLE_")?.to_ascii_lowercase(), value)));
    for (name, value) in environment.chain(arguments.variables) {
        if manifest.required.remove(&name) || manifest.options.variables.contains_key(&name) {
            manifest.options.variables.insert(name, value);
        }
    }
    if let Some(name) = manifest.required.first() {
        return Err(format!("variable `{name}` has no value"));
    }
    let source = arguments.component.unwrap_or(manifest.source);
    let bytes = std::fs::read(&source).map_err(|error| format!("{}: {error}", source.display()))?;
    let host = Host::new(&bytes).map_err(|error| format!("{error:#}"))?;
    let running = host.serve(manifest.options).await.map_err(|error| format!("{error:#}"))?;
    println!("serving http://{}", running.address());
    tokio::select! {
        () = running.wait() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut parsed = Arguments {
        from: PathBuf::from("spin.toml"),
        listen: None,
        component: None,
        variables: Vec::new(),
        files: Vec::new(),
    };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{name}` needs a value"))?;
        let pair = || value.split_once('=').ok_or_else(|| format!("`{value}` is not of the form `NAME=VALUE`"));
        match name.as_str() {
            "--from" => parsed.from = PathBuf::from(value),
            "--listen" => {
                parsed.listen = Some(value.parse().map_err(|_| format!("`{value}` is not an address with a port"))?);
            }
            "--component" => parsed.component = Some(PathBuf::from(value)),
            "--variable" => {
                let (name, value) = pair()?;
                parsed.variables.push((name.to_owned(), value.to_owned()));
            }
            "--file" => {
                let (source, destination) = pair()?;
                parsed.files.push(Mount { source: PathBuf::from(source), destination: destination.to_owned() });
            }
            _ => return Err(format!("unknown option `{name}`")),
        }
    }
    Ok(parsed)
}
