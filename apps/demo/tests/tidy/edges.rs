//! Which package may depend on which, asked of cargo.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::tree::root;
use crate::{assert_caught, assert_kept};

/// The project's packages that each of its packages may reach, directly or through others, tests left aside.
const ALLOWED: [(&str, &[&str]); 14] = [
    ("tessera-codec", &[]),
    ("tessera-transport", &[]),
    // For tests and benchmarks alone: no other line may name it but theirs.
    ("tessera-netsim", &[]),
    ("tessera-capture", &["tessera-codec"]),
    ("tessera", &["tessera-capture", "tessera-codec", "tessera-transport"]),
    ("tessera-terminal", &[]),
    ("tessera-center", &["tessera-transport", "tessera-terminal"]),
    (
        "tessera-csr",
        &["tessera", "tessera-capture", "tessera-codec", "tessera-transport", "tessera-terminal"],
    ),
    (
        "tessera-customer",
        &["tessera", "tessera-capture", "tessera-codec", "tessera-transport", "tessera-terminal"],
    ),
    // The witness shares nothing with what it judges.
    ("tessera-witness", &[]),
    ("tessera-demo", &["tessera-witness"]),
    (
        "tessera-bench",
        &[
            "tessera",
            "tessera-codec",
            "tessera-capture",
            "tessera-netlab",
            "tessera-netsim",
            "tessera-transport",
            "tessera-witness",
        ],
    ),
    ("tessera-netlab", &[]),
    ("tessera-fuzz", &["tessera-codec", "tessera-transport", "tessera"]),
];

/// Foreign packages for pictures, screens and sound; the center links none of them.
const NOT_IN_CENTER: [&str; 7] =
    ["turbojpeg", "zstd", "x11rb", "winit", "softbuffer", "cpal", "opusic-c"];

/// Each package of the workspace with everything it is built from, tests and build scripts left aside.
fn reach() -> BTreeMap<String, BTreeSet<String>> {
    let mut reach = BTreeMap::new();
    for name in tree(&["--workspace", "--depth", "0"]) {
        let mut packages = tree(&["--package", &name]);
        packages.remove(&name);
        reach.insert(name, packages);
    }
    reach
}

fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}"])
        .args(arguments)
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree failed: {errors}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

fn forbidden_edges(reach: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (name, packages) in reach {
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
            breaches.push(format!("{name} has no line in this test's table of allowed edges"));
            continue;
        };
        let ours = packages.iter().filter(|it| *it == "tessera" || it.starts_with("tessera-"));
        for package in ours.filter(|it| !allowed.contains(&it.as_str())) {
            breaches.push(format!("{name} must not depend on {package}"));
        }
    }
    let center = reach.get("tessera-center").into_iter().flatten();
    for package in center.filter(|it| NOT_IN_CENTER.contains(&it.as_str())) {
        breaches.push(format!("tessera-center must not link {package}"));
    }
    breaches
}

#[test]
fn packages_depend_only_downwards() {
    assert_kept(&forbidden_edges(&reach()));
}

#[test]
fn a_forbidden_edge_is_caught() {
    let reach = |name: &str, package: &str| {
        BTreeMap::from([(name.to_owned(), BTreeSet::from([package.to_owned()]))])
    };
    assert_caught(&forbidden_edges(&reach("tessera-codec", "tessera-transport")), "tessera-codec");
    assert_caught(
        &forbidden_edges(&reach("tessera-capture", "tessera-transport")),
        "tessera-capture",
    );
    assert_caught(&forbidden_edges(&reach("tessera-center", "tessera-codec")), "tessera-codec");
    assert_caught(&forbidden_edges(&reach("tessera-center", "turbojpeg")), "turbojpeg");
    assert_caught(&forbidden_edges(&reach("tessera-voice", "serde")), "tessera-voice");
}
