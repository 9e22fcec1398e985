//! Prints a configuration, for the comparison and for trying things out:
//!
//! ```text
//! bench-config many 1000
//! bench-config proxy 127.0.0.1:8080 127.0.0.1:9000 0      # one route
//! bench-config proxy 127.0.0.1:8080 127.0.0.1:9000 200    # 200 routes with header edits
//! bench-config proxy 127.0.0.1:8080 127.0.0.1:9000 0 KEY https://id.example.com https://api.example.com
//!                                                         # and tokens by a key, which is JSON, of an issuer, for an audience
//! ```

use std::process::ExitCode;

use edgeway_benches::configuration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let value = match arguments.as_slice() {
        ["many", routes] => routes.parse().ok().map(configuration::many_routes),
        ["proxy", listen, upstream, routes] => {
            routes.parse().ok().map(|routes| configuration::proxy(routes, listen, upstream))
        }
        ["proxy", listen, upstream, routes, key, issuer, audience] => {
            routes.parse().ok().zip(serde_json::from_str(key).ok()).map(|(routes, key)| {
                let mut value = configuration::proxy(routes, listen, upstream);
                configuration::ask_for_tokens(&mut value, key, issuer, audience);
                value
            })
        }
        _ => None,
    };
    match value {
        Some(value) => {
            println!("{value:#}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!(
                "usage: bench-config many ROUTES | bench-config proxy LISTEN UPSTREAM ROUTES [KEY ISSUER AUDIENCE]"
            );
            ExitCode::from(2)
        }
    }
}
