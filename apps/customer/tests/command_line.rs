//! What the program says, and how it ends, when it cannot share: one sentence and a code.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

/// A code of the right form that no center knows.
const CODE: &str = "123 456 789-1234 5678";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera-customer"));
    command.args(arguments).env_remove("DISPLAY");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program with `typed` at its prompt.
fn run(arguments: &[&str], typed: &str) -> Output {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut child =
        command(arguments).arg("--data").arg(data.path()).spawn().expect("the program runs");
    // A program that has ended before reading has said why.
    let _ = writeln!(child.stdin.take().expect("piped"), "{typed}");
    child.wait_with_output().expect("its end")
}

fn sentence(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = error.trim_end().lines().next_back().unwrap_or_default();
    // The prompt stands before the sentence when nobody ends its line with Enter.
    assert!(last.contains("tessera-customer: "), "{error}");
    assert_eq!(output.status.code(), Some(1), "{error}");
    error
}

#[test]
fn wrong_arguments_show_the_usage() {
    for arguments in [["--consent", "everything"], ["--source", "camera"]] {
        let output = run(&arguments, "");
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(arguments[1]));
    }
}

#[test]
fn what_is_no_code_is_refused_with_what_to_do() {
    for typed in ["12", "", "123 456 789-1234 567x"] {
        let error = sentence(&run(&["--source", "pattern"], typed));
        assert!(error.contains("type ") && error.contains("as it was told"), "{error}");
    }
}

#[test]
fn an_input_that_ends_at_the_prompt_is_reported() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let output = command(&["--source", "pattern", "--data", &data.path().to_string_lossy()])
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    assert!(sentence(&output).contains("the input ended"));
}

#[test]
fn a_code_file_is_read_strictly() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("code");
    std::fs::write(&path, "not a code").expect("written");
    let path = path.to_string_lossy();
    sentence(&run(&["--source", "pattern", "--code-file", &path], ""));
    let directory = directory.path().to_string_lossy();
    let error = sentence(&run(&["--source", "pattern", "--code-file", &directory], ""));
    assert!(error.contains(&*directory), "{error}");
}

#[test]
fn a_display_that_is_not_there_is_named_before_anybody_is_bothered() {
    let arguments = ["--display", ":29999", "--center", "127.0.0.1:1"];
    let error = sentence(&run(&arguments, CODE));
    assert!(error.contains(":29999"), "{error}");
}

#[test]
fn a_clip_that_cannot_be_played_is_named() {
    let error = sentence(&run(&["--source", "clip:/nowhere/desk.json"], CODE));
    assert!(error.contains("/nowhere/desk.json"), "{error}");
}

#[test]
fn a_center_that_does_not_answer_is_named() {
    // A bound socket that nobody reads: nothing else can answer there.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("bound").to_string();
    let error = sentence(&run(&["--source", "pattern", "--center", &address], CODE));
    assert!(error.contains(&address) && error.contains("does not answer"), "{error}");
}

#[test]
fn a_signal_ends_the_wait_for_a_code_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("never");
    let mut child = command(&["--code-file", &path.to_string_lossy(), "--source", "pattern"])
        .arg("--data")
        .arg(directory.path())
        .spawn()
        .expect("the program runs");
    wait_until_it_waits(&mut child);
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(ended.expect("kill runs").success());
    assert!(child.wait().expect("its end").success());
}

/// The program says so before it waits for its code file, with its signal handlers in place.
fn wait_until_it_waits(child: &mut Child) {
    let mut line = String::new();
    let stderr = child.stderr.take().expect("piped");
    BufReader::new(stderr).read_line(&mut line).expect("a line");
    assert!(line.contains("waiting for the code file"), "{line}");
}
