//! A whole run of the demo finds no wrong pixel, and finds the one that is planted.
//!
//! One test, because two runs beside each other would disturb each other's time.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Builds the programs that the demo starts: cargo builds only the demo's own for this test.
fn build_programs() {
    let mut cargo = Command::new(env!("CARGO"));
    // As `make test` does: anything less would want its dependencies built with other features.
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).args([
        "test",
        "--locked",
        "--offline",
        "--quiet",
        "--workspace",
        "--no-run",
    ]);
    // Build scripts that look at what cargo tells this test would run again, and all that depends on them be built anew.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|told| text.starts_with(told)) {
            cargo.env_remove(&name);
        }
    }
    assert!(cargo.status().expect("cargo runs").success(), "the programs do not build");
}

fn run_demo(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tessera-demo"))
        .args(["--quick", "--out"])
        .arg(folder)
        .arg("--json")
        .arg(folder.join("report.json"))
        .args(arguments)
        .output()
        .expect("the demo runs")
}

/// What the demo said and the ends of its programs' logs.
fn story(output: &Output, folder: &Path) -> String {
    let mut story = String::from_utf8_lossy(&output.stdout).into_owned();
    story.push_str(&String::from_utf8_lossy(&output.stderr));
    for name in ["center", "csr", "customer"] {
        let log = fs::read_to_string(folder.join(format!("logs/{name}.log"))).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(15).collect();
        for line in tail.iter().rev() {
            story.push_str(&format!("\n{name}: {line}"));
        }
    }
    story
}

#[test]
fn the_demo_passes_and_one_wrong_pixel_makes_it_fail() {
    build_programs();
    let folder = tempfile::tempdir().expect("a temporary folder");

    let good = run_demo(folder.path(), &[]);
    let told = story(&good, folder.path());
    assert!(good.status.success(), "{told}");
    let report = fs::read_to_string(folder.path().join("report.json")).unwrap_or_default();
    assert!(report.contains("\"pixels_differing\":0"), "{report}\n{told}");
    assert!(folder.path().join("share-window.png").is_file(), "{told}");

    let bad = run_demo(folder.path(), &["--plant-wrong-pixel"]);
    let told = story(&bad, folder.path());
    assert!(!bad.status.success(), "{told}");
    let report = fs::read_to_string(folder.path().join("report.json")).unwrap_or_default();
    assert!(report.contains("\"pixels_differing\":1,"), "{report}\n{told}");
}
