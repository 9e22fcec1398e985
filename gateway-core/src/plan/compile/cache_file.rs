//! The file of stored responses.

use super::Compiler;
use super::at::At;

impl Compiler<'_> {
    /// Checks the file of stored responses.
    pub(super) fn check_cache_file(&mut self, at: &At<'_>) {
        let Some(file) = &self.config.server.cache_file else { return };
        if file.path.is_empty() {
            self.error_with(&at.member("path"), "this names no file", "write one: `\"cache.redb\"`");
        } else if self.config.server.key_value_file.as_ref() == Some(&file.path) {
            self.error_with(
                &at.member("path"),
                format_args!("`{}` is the file of `keyValueFile` already", file.path),
                "give stored responses a file of their own",
            );
        }
        if file.size.is_some_and(|size| !(1 << 20..=9999 << 30).contains(&size.0)) {
            self.error_with(&at.member("size"), "this is no usable size", "use `1MiB` to `9999GiB`");
        }
    }
}
