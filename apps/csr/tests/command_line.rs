//! What the program says, and how it ends, when it cannot start: one sentence and a code.

use std::process::{Command, Output, Stdio};

fn start(arguments: &[&str], display: Option<&str>) -> Output {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera-csr"));
    command.arg("start").args(arguments).arg("--data").arg(data.path()).stdin(Stdio::null());
    match display {
        Some(display) => command.env("DISPLAY", display),
        None => command.env_remove("DISPLAY"),
    };
    command.output().expect("the program runs")
}

fn sentence(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    assert!(error.starts_with("tessera-csr: "), "{error}");
    assert_eq!(output.status.code(), Some(1), "{error}");
    error
}

#[test]
fn wrong_arguments_show_the_usage() {
    for arguments in [["--request", "everything"], ["--listen", "nowhere"]] {
        let output = start(&arguments, None);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(arguments[1]));
    }
}

#[test]
fn without_a_display_it_says_which_one_is_missing() {
    assert!(sentence(&start(&[], None)).contains("DISPLAY is not set"));
    assert!(sentence(&start(&[], Some(":29999"))).contains(":29999"));
    // The option counts, not the environment.
    let asked = sentence(&start(&["--display", ":29998"], Some(":29999")));
    assert!(asked.contains(":29998") && asked.contains("--display"), "{asked}");
}

#[test]
fn a_token_file_that_cannot_be_read_is_named() {
    let error = sentence(&start(&["--token-file", "/nowhere/token"], Some(":29999")));
    assert!(error.contains("/nowhere/token"), "{error}");
}
