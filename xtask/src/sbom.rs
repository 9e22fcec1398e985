//! A list of the packages in a program, in the form of CycloneDX 1.5.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::paths::root;

/// What `cargo metadata` says, as far as it is needed.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
    repository: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` for what the program is linked with; `dev` and `build` are tools.
    kind: Option<String>,
}

/// The list of what the package `name` is linked with on `target`.
pub(crate) fn of(name: &str, target: &str) -> Result<String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["metadata", "--format-version", "1", "--locked", "--filter-platform", target]);
    let output = cargo.output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    let lock = std::fs::read_to_string(root().join("Cargo.lock"))?;
    Ok(serde_json::to_string_pretty(&list(name, &metadata, &checksums(&lock))?)? + "\n")
}

/// The digest of each package that has one, by name and version.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    lock.split("[[package]]")
        .skip(1)
        .filter_map(|entry| {
            let of = |member: &str| {
                let line = entry.lines().find_map(|line| line.strip_prefix(member)?.strip_prefix(" = \""))?;
                line.strip_suffix('"')
            };
            Some(((of("name")?, of("version")?), of("checksum")?))
        })
        .collect()
}

fn list(name: &str, metadata: &Metadata, checksums: &BTreeMap<(&str, &str), &str>) -> Result<Value> {
    let packages: BTreeMap<&str, &Package> = metadata.packages.iter().map(|package| (&*package.id, package)).collect();
    let linked: BTreeMap<&str, Vec<&str>> =
        metadata.resolve.nodes.iter().map(|node| (&*node.id, linked_with(node))).collect();
    let own = metadata.packages.iter().find(|package| package.name == name && package.source.is_none());
    let own = own.with_context(|| format!("there is no package `{name}`"))?;

    let (mut found, mut waiting) = (BTreeSet::new(), vec![&*own.id]);
    while let Some(id) = waiting.pop() {
        if found.insert(id) {
            waiting.extend(linked.get(id).into_iter().flatten());
        }
    }
    let all: Vec<&Package> = found.iter().filter_map(|id| packages.get(id).copied()).collect();
    let reference = |id: &&str| packages.get(id).map(|package| purl(package));
    let components: Vec<Value> = all
        .iter()
        .filter(|package| package.id != own.id)
        .map(|package| component(package, checksums, "library"))
        .collect();
    let dependencies: Vec<Value> = all
        .iter()
        .map(|package| {
            let on: Vec<String> = linked.get(&*package.id).into_iter().flatten().filter_map(reference).collect();
            json!({ "ref": purl(package), "dependsOn": on })
        })
        .collect();
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(own, checksums, "application") },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn linked_with(node: &Node) -> Vec<&str> {
    let is_linked = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
    let all: BTreeSet<&str> = node.deps.iter().filter(is_linked).map(|dependency| &*dependency.pkg).collect();
    all.into_iter().collect()
}

/// The package's URL (purl), by which advisories find it.
fn purl(package: &Package) -> String {
    // A plus sign, as in versions with metadata, is percent-encoded.
    format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"))
}

fn component(package: &Package, checksums: &BTreeMap<(&str, &str), &str>, kind: &str) -> Value {
    let mut value = json!({
        "type": kind,
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
    });
    let Value::Object(members) = &mut value else { return value };
    if let Some(license) = &package.license {
        // Some still write a slash for `OR`.
        members
            .insert("licenses".to_owned(), json!([{ "expression": license.replace('/', " OR ").replace("  ", " ") }]));
    }
    if let Some(description) = &package.description {
        members.insert("description".to_owned(), json!(description.trim()));
    }
    if let Some(url) = &package.repository {
        members.insert("externalReferences".to_owned(), json!([{ "type": "vcs", "url": url }]));
    }
    if let Some(digest) = checksums.get(&(&*package.name, &*package.version)) {
        members.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": digest }]));
    }
    value
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]
mod tests {
    use super::*;

    /// What the program is linked with is in it, with its digest; what it is built and tested with is not.
    #[test]
    fn the_list_has_what_is_linked() {
        let text = of("edgeway", "x86_64-unknown-linux-musl").unwrap();
        let list: Value = serde_json::from_str(&text).unwrap();
        let components = list["components"].as_array().unwrap();
        let named = |name: &str| components.iter().find(|component| component["name"] == name);
        assert_eq!(named("hyper").unwrap()["hashes"][0]["content"].as_str().unwrap().len(), 64);
        assert!(named("gateway-core").is_some());
        assert!(["rcgen", "cc", "wasmtime"].iter().all(|name| named(name).is_none()));
        let known: BTreeSet<&str> = components.iter().map(|component| component["bom-ref"].as_str().unwrap()).collect();
        let dependencies = list["dependencies"].as_array().unwrap();
        assert_eq!(dependencies.len(), known.len() + 1);
        for dependency in dependencies {
            assert!(dependency["dependsOn"].as_array().unwrap().iter().all(|on| known.contains(on.as_str().unwrap())));
        }
    }
}
