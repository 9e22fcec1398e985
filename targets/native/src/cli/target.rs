//! The platforms that a configuration can be for.

use std::path::Path;

use clap::ValueEnum;
use gateway_core::ports::Capabilities;

/// A platform that a configuration can be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Target {
    Native,
    Cloudflare,
    Spin,
}

impl Target {
    /// The platforms that the project of the configuration at `path` is for, as far as its folder shows.
    pub(super) fn beside(path: &Path) -> Vec<Self> {
        const MANIFESTS: [(&str, Target); 4] = [
            ("wrangler.toml", Target::Cloudflare),
            ("wrangler.json", Target::Cloudflare),
            ("wrangler.jsonc", Target::Cloudflare),
            ("spin.toml", Target::Spin),
        ];
        let mut targets = vec![Self::Native];
        for (manifest, target) in MANIFESTS {
            if path.with_file_name(manifest).is_file() && !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    pub(super) const fn capabilities(self) -> &'static Capabilities {
        match self {
            Self::Native => &Capabilities::NATIVE,
            Self::Cloudflare => &Capabilities::CLOUDFLARE,
            Self::Spin => &Capabilities::SPIN,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        self.capabilities().name
    }
}

/// `Cloudflare Workers and Spin`.
pub(super) fn joined(targets: &[Target]) -> String {
    match targets.split_last() {
        Some((last, [])) => last.name().to_owned(),
        Some((last, rest)) => {
            let rest: Vec<_> = rest.iter().map(|target| target.name()).collect();
            format!("{} and {}", rest.join(", "), last.name())
        }
        None => String::new(),
    }
}
