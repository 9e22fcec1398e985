//! Prints a configuration, for the comparison and for trying things out:
//!
//! ```text
//! bench-config many 1000
//! bench-config proxy 127.0.0.1:8080 127.0.0.1:9000        # one route
//! bench-config proxy 127.0.0.1:8080 127.0.0.1:9000 200    # 200 routes with header edits
//! ```

use std::process::ExitCode;

use edgeway_benches::configuration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let value = match arguments.as_slice() {
        ["many", routes] => routes.parse().ok().map(configuration::many_routes),
        ["proxy", listen, upstream] => Some(configuration::proxy(None, listen, upstream)),
        ["proxy", listen, upstream, routes] => {
            routes.parse().ok().map(|routes| configuration::proxy(Some(routes), listen, upstream))
        }
        _ => None,
    };
    match value {
        Some(value) => {
            println!("{value:#}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("usage: bench-config many ROUTES | bench-config proxy LISTEN UPSTREAM [ROUTES]");
            ExitCode::from(2)
        }
    }
}
