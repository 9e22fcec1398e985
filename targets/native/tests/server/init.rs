//! `edgeway init`

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Folder, Program, Wire, status};

const INDEX: &str = include_str!("../../../../recipes/index.json");

fn edgeway(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgeway")).args(arguments).current_dir(&folder.0).output().unwrap()
}

/// What `init --json` says, once it has written.
fn init(folder: &Folder, arguments: &[&str]) -> Value {
    let output = edgeway(folder, &[&["init", "--json"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// Each recipe is good for each platform, with what its manifest declares, and answers at once.
#[test]
fn every_recipe_answers() {
    let index: Value = serde_json::from_str(INDEX).unwrap();
    for (name, recipe) in index.as_object().unwrap() {
        let folder = Folder::new();
        folder.write("component", "a component");
        let said =
            init(&folder, &[".", "--for", name, "--target", "native,cloudflare,spin", "--component", "component"]);
        let files = names(&said["files"]);
        for file in ["gateway.json", "wrangler.jsonc", "worker.js", "package.json", "spin.toml", "edgeway-spin.wasm"] {
            assert!(files.contains(&file), "{name}: {files:?}");
        }
        assert!(files.iter().all(|file| folder.0.join(file).is_file()), "{name}: {files:?}");

        // With no secret in the environment: those of a recipe are among the files.
        let check = edgeway(&folder, &["check", "--json", "--secrets", "secrets"]);
        let check: Value = serde_json::from_slice(&check.stdout).unwrap();
        assert_eq!(check["targets"], serde_json::json!(["native", "cloudflare", "spin"]), "{name}");
        for member in ["mistakes", "missingSecrets", "missingVariables"] {
            assert_eq!(check[member], serde_json::json!([]), "{name}");
        }
        // A login takes TLS, which a file to begin with has not: anything else that `check` doubts would be a mistake of the recipe.
        let doubts = check["warnings"].as_array().unwrap().len();
        assert_eq!(doubts, usize::from(name == "oidc"), "{name}: {}", check["warnings"]);

        // A port of one's own for the admin endpoints, where the recipe names one.
        let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let path = folder.0.join("gateway.json");
        let configuration = std::fs::read_to_string(&path).unwrap().replace("\"9901\"", &format!("\"{admin}\""));
        std::fs::write(&path, configuration).unwrap();

        let program = Program::run(&["demo", "--secrets", "secrets", "--listen", "127.0.0.1:0"], &folder.0);
        let key = said["keys"].as_array().unwrap().first().map(|key| key["key"].as_str().unwrap());
        let target = recipe["try"].as_str().unwrap();
        let ask = |key: Option<&str>| {
            let field = key.map(|key| format!("X-API-Key: {key}\r\n")).unwrap_or_default();
            Wire::connect(program.address).ask(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n{field}\r\n")).unwrap()
        };
        assert_eq!(ask(key).0, 200, "{name}");
        if key.is_some() {
            assert_eq!(ask(None).0, 401, "{name}");
        }
        let next = said["next"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().ends_with(target));
        assert!(next, "{name}: {}", said["next"]);
        shows_its_point(name, &said, &program, &format!("http://127.0.0.1:{admin}"));
    }
}

/// What the commands of a recipe show in front of the demo service.
fn shows_its_point(name: &str, said: &Value, program: &Program, admin: &str) {
    let next = names(&said["next"]).join("\n");
    let has = |command: &str| assert!(next.contains(command), "{name}: {next}");
    let mut wire = Wire::connect(program.address);
    let mut head = |path: &str| {
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = wire.head().unwrap();
        wire.body(&head);
        (status(&head), head.to_ascii_lowercase())
    };
    let told = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_edgeway")).args(arguments).args(["--admin", admin]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    match name {
        "spa-api" => {
            has("curl -i http://127.0.0.1:8080/api/users  #");
            assert_eq!(head("/api/users").0, 200);
        }
        "microservices" => {
            has("curl -i http://127.0.0.1:8080/v1/users/1");
            assert_eq!(head("/v1/users/1").0, 200);
        }
        "oidc" => {
            has("open http://localhost:8080/app");
            has("npx wrangler secret put SESSION_KEY");
        }
        "cache" => {
            has("curl -i 'http://127.0.0.1:8080/slow?ms=1000'  # the same again");
            let (first, again) = (head("/slow?ms=300"), head("/slow?ms=300"));
            assert!(first.1.contains("cache-status: edgeway; fwd=uri-miss"), "{}", first.1);
            assert!(again.1.contains("cache-status: edgeway; hit"), "{}", again.1);
            has("edgeway purge --all --admin http://localhost:9901");
            told(&["purge", "--all"]);
            assert!(!head("/slow?ms=300").1.contains("; hit"));
        }
        "canary" => {
            has("for i in $(seq 600); do curl ");
            let answers: Vec<_> = (0..500).map(|_| head("/users").1).collect();
            let of = |side: &str| answers.iter().filter(|head| head.contains(&format!("x-version: {side}\n"))).count();
            assert!(of("next") > 0 && of("stable") > 400, "{} and {}", of("next"), of("stable"));
            has("edgeway rollouts --admin http://localhost:9901");
            assert!(told(&["rollouts"]).starts_with("all  5 %, step 1 of 4"));
        }
        _ => {}
    }
}

/// What is there stays, and then nothing is written; the files that a project has anyway are no hindrance.
#[test]
fn it_overwrites_nothing() {
    let folder = Folder::new();
    folder.write("wrangler.jsonc", "mine");
    let output = edgeway(&folder, &["init", "--target", "cloudflare"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with("error: `wrangler.jsonc` is there already, and nothing was written"), "{said}");
    assert!(!folder.0.join("gateway.json").exists());

    folder.write("package.json", "{\"name\": \"mine\"}");
    folder.write(".gitignore", "/node_modules\nsecrets/\n");
    let made = init(&folder, &["--target", "cloudflare", "--force"]);
    assert_eq!(names(&made["kept"]), [".gitignore", "package.json"]);
    let again = edgeway(&folder, &["init", "--target", "cloudflare", "--force"]);
    let said = String::from_utf8(again.stdout).unwrap();
    let lacks = ".gitignore, which was there: add .dev.vars, .env, .edgeway/, .spin/, .wrangler/\n";
    assert!(said.contains(lacks), "{said}");
    assert!(names(&made["next"]).iter().any(|line| line.starts_with("npm install edgeway@")), "{made}");
    let read = |name: &str| std::fs::read_to_string(folder.0.join(name)).unwrap();
    assert_eq!(read("package.json"), "{\"name\": \"mine\"}");
    assert!(read("wrangler.jsonc").contains("CounterCell"));
}

/// Secrets are for their owner alone, and git is told to leave them out.
#[cfg(unix)]
#[test]
fn secrets_are_nobody_elses() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let made = init(&folder, &["new", "--for", "oidc", "--target", "native,cloudflare,spin"]);
    let ignored = std::fs::read_to_string(folder.0.join("new/.gitignore")).unwrap();
    for (file, line) in [("secrets/SESSION_KEY", "secrets/"), (".dev.vars", ".dev.vars"), (".env", ".env")] {
        assert!(names(&made["files"]).contains(&file), "{made}");
        let mode = std::fs::metadata(folder.0.join("new").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file}");
        assert!(ignored.lines().any(|ignored| ignored == line), "{file}");
    }
    // Without them, what is missing is told with where it is.
    let served = edgeway(&folder, &["serve", "new/gateway.json", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8(served.stderr).unwrap();
    assert!(!served.status.success() && said.contains("the secret `SESSION_KEY` is not set"), "{said}");
    assert!(said.contains("`new/secrets` has it: try `--secrets new/secrets`"), "{said}");
}

/// The component is asked for where none came with the program.
#[test]
fn a_component_that_is_not_there_is_told() {
    let folder = Folder::new();
    let made = init(&folder, &["--target", "spin"]);
    assert!(names(&made["next"]).iter().any(|line| line.contains("edgeway-spin.wasm")), "{made}");
    let output = edgeway(&folder, &["init", "b", "--target", "spin", "--component", "nowhere.wasm"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("`nowhere.wasm` can't be read"));
    assert!(!folder.0.join("b").exists());
}
