//! What a container or a package takes of the program: `edgeway ready` and `edgeway man`.

use std::process::{Command, Output};

use crate::support::{Folder, Program, get, wait_until};

fn edgeway(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgeway")).args(arguments).current_dir(&folder.0).output().unwrap()
}

/// It fails where nobody is, and where a gateway is about to end.
#[cfg(unix)]
#[test]
fn the_program_asks_whether_a_gateway_is_ready() {
    let folder = Folder::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ready = || edgeway(&folder, &["ready", "--admin", &format!("http://localhost:{free}")]);
    assert_eq!(ready().status.code(), Some(1));
    let config = format!(
        r#"{{"server": {{"listen": "127.0.0.1:0", "admin": "{free}", "grace": "10s"}},
            "routes": [{{"name": "a", "match": {{"path": "/"}}, "respond": {{}}}}]}}"#
    );
    let program = Program::serve(&folder.write("gateway.json", &config));
    let said = ready();
    assert_eq!((said.status.code(), &*said.stdout), (Some(0), &b"ready\n"[..]), "{said:?}");
    program.signal("TERM");
    wait_until("it to be no longer ready", || ready().status.code() == Some(1));
    assert_eq!(get(program.address).0, 200, "the port stays open meanwhile");
}

/// Each command has a page, with its example, and without what its help hides.
#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = Folder::new();
    assert!(edgeway(&folder, &["man", "man1"]).status.success());
    let help = String::from_utf8(edgeway(&folder, &["--help"]).stdout).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    // A text that goes on in a line of its own is indented further.
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty());
    for name in names.filter(|name| *name != "help") {
        assert!(folder.0.join(format!("man1/edgeway-{name}.1")).is_file(), "{name}");
    }
    let pages: Vec<_> = std::fs::read_dir(folder.0.join("man1")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        // A group of commands has no example of its own.
        assert!(text.contains("SUBCOMMANDS") || text.contains("\nExample"), "{}", page.display());
        assert!(!text.contains("work\\-stealing"), "{} shows what is hidden", page.display());
    }
}
