//! `edgeway init`: the files that a gateway begins with.

mod folder;
mod recipe;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use self::folder::{Folder, Made};
use self::recipe::{Filled, Recipe};
use super::output::{print, print_json, sayln};
use super::style::Style;
use super::target::Target;

/// Write the files that a gateway begins with: a commented configuration, and what each platform needs
#[derive(Debug, Args)]
#[command(after_help = "\
It asks nothing, and overwrites nothing unless --force is given. Keys and secrets of a recipe are made anew each time.
For Cloudflare Workers and Spin nothing has to be compiled: npm brings the Worker, and the component is part of each release.

Example:
  edgeway init
  edgeway init shop --for keys --target native,cloudflare")]
pub(super) struct Init {
    /// The folder, which is made if it is not there
    #[arg(value_name = "FOLDER", default_value = ".", hide_default_value = true)]
    folder: PathBuf,
    /// What the configuration is for
    #[arg(long = "for", value_name = "RECIPE", default_value = recipe::PLAIN, value_parser = recipe::names())]
    recipe: String,
    /// The platforms that are to run it
    #[arg(long, value_enum, value_delimiter = ',', default_value = "native")]
    target: Vec<Target>,
    /// The component for Spin [default: edgeway-spin.wasm beside this program, or in ../share/edgeway]
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Init {
    pub(super) fn run(self) -> ExitCode {
        match self.write() {
            Ok(code) => code,
            Err(message) => {
                sayln!("error: {message}");
                ExitCode::FAILURE
            }
        }
    }

    fn write(&self) -> Result<ExitCode, String> {
        let recipe = Recipe::named(&self.recipe)?;
        let filled = recipe.filled()?;
        let component =
            if self.target.contains(&Target::Spin) { folder::component(self.component.as_deref())? } else { None };
        let lacks_component = self.target.contains(&Target::Spin) && component.is_none();
        let mut folder = Folder::new(self.folder.clone(), self.force);
        folder.add_recipe(&filled, &self.target);
        if let Some(component) = component {
            folder.add_component(component);
        }
        let made = folder.write()?;
        let next = self.next(&recipe, &filled, &made, lacks_component);
        if self.json {
            let keys: Vec<_> =
                filled.keys.iter().map(|(consumer, key)| json!({ "consumer": consumer, "key": key })).collect();
            let content = json!({
                "folder": self.folder, "recipe": self.recipe, "targets": self.target, "files": made.files,
                "kept": made.kept.iter().map(|(file, _)| file).collect::<Vec<_>>(), "keys": keys, "next": next,
            });
            return Ok(print_json(&content, ExitCode::SUCCESS));
        }
        let style = Style::stdout();
        let mut text = String::new();
        let rows = made.files.iter().map(|file| ("made", file.clone()));
        let rows = rows.chain(made.kept.iter().map(|(file, lacks)| match file.as_str() {
            ".gitignore" if lacks.is_empty() => ("kept", format!("{file}, which has all that belongs in it")),
            ".gitignore" => ("kept", format!("{file}, which was there: add {}", lacks.join(", "))),
            _ => ("kept", format!("{file}, which was there: see docs/install.md for what belongs in it")),
        }));
        let rows = rows.chain(
            filled
                .keys
                .iter()
                .map(|(consumer, key)| ("key", format!("{key}  for {consumer}; it is kept nowhere else"))),
        );
        let rows = rows.chain(next.into_iter().map(|line| ("next", line)));
        let mut before = "";
        for (label, line) in rows {
            let shown = if label == before { "" } else { label };
            text.push_str(&format!("{}  {line}\n", style.bold(format!("{shown:<4}"))));
            before = label;
        }
        if self.target == [Target::Native] {
            let hint = "edgeway init --target native,cloudflare,spin also writes what Cloudflare Workers and Spin need";
            text.push_str(&format!("{}  {hint}\n", style.bold("hint")));
        }
        Ok(print(&text, ExitCode::SUCCESS))
    }

    /// The commands to go on with.
    fn next(&self, recipe: &Recipe, filled: &Filled, made: &Made, lacks_component: bool) -> Vec<String> {
        let mut lines = Vec::new();
        if self.folder != std::path::Path::new(".") {
            lines.push(format!("cd {}", self.folder.display()));
        }
        let key = filled.keys.first().map(|(_, key)| format!("-H 'X-API-Key: {key}' ")).unwrap_or_default();
        let request = |port: u16| format!("curl -i {key}http://127.0.0.1:{port}{}", recipe.request);
        if self.target.contains(&Target::Native) {
            let secrets = if recipe.secrets.is_empty() { "" } else { " --secrets secrets" };
            lines.push(format!(
                "edgeway demo{secrets}  # in front of a demo service; edgeway serve{secrets} without it"
            ));
            if recipe.demo.is_empty() {
                lines.push(request(8080));
            }
            lines.extend(recipe.demo.iter().map(|line| line.replace("{base}", "http://127.0.0.1:8080")));
        }
        if self.target.contains(&Target::Cloudflare) {
            if made.kept.iter().any(|(file, _)| file == "package.json") {
                let wrangler = folder::wrangler_version();
                lines.push(format!(
                    "npm install edgeway@{} && npm install --save-dev wrangler@{wrangler}",
                    env!("CARGO_PKG_VERSION")
                ));
                lines.push("npm pkg set scripts.check='edgeway check gateway.json'".to_owned());
            } else {
                lines.push("npm install".to_owned());
            }
            lines.push("npx wrangler dev  # on this machine".to_owned());
            lines.push(request(8787));
            let secrets = recipe.secrets.iter();
            lines.extend(secrets.map(|name| format!("npx wrangler secret put {name}  # at Cloudflare, once")));
            lines.push("npx wrangler deploy  # at Cloudflare".to_owned());
        }
        if self.target.contains(&Target::Spin) {
            if lacks_component {
                lines.push("cp …/edgeway-spin.wasm .  # the component: it is part of the release".to_owned());
            }
            lines.push("spin up --build".to_owned());
            lines.push(request(3000));
        }
        lines
    }
}
