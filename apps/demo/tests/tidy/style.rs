//! Length of files, banned words and names, sleeping tests.

use crate::purity::has_word;
use crate::tree::Tree;
use crate::{assert_caught, assert_kept};

/// The longest a Rust file may be.
const MAX_LINES: usize = 800;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "helpers", "common", "misc", "manager"];

/// Marks of unfinished work, put together here so that this file does not hold them.
fn unfinished_marks() -> Vec<String> {
    [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("to", "do!"), ("unimple", "mented!")]
        .map(|(start, end)| format!("{start}{end}"))
        .to_vec()
}

fn long_files(tree: &Tree) -> Vec<String> {
    let files = tree.files().filter(|(path, _)| path.ends_with(".rs"));
    files
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{path} has {lines} lines, more than {MAX_LINES}"))
        .collect()
}

fn unfinished(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in tree.files() {
        for (number, line) in text.lines().enumerate() {
            for mark in unfinished_marks().iter().filter(|mark| has_word(line, mark)) {
                breaches.push(format!("{path}:{}: {mark}", number + 1));
            }
        }
    }
    breaches
}

fn empty_names(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in tree.sources(&[""]) {
        let names = source.path.trim_end_matches(".rs").split('/');
        for name in names.filter(|name| EMPTY_NAMES.contains(name)) {
            breaches.push(format!("{}: {name} says nothing about what is inside", source.path));
        }
        for (number, line) in source.code.lines().enumerate() {
            if has_word(line, "fn get_") {
                breaches.push(format!(
                    "{}:{}: a getter's name needs no get_",
                    source.path,
                    number + 1
                ));
            }
        }
    }
    breaches
}

/// A test that sleeps is slow when it is right and wrong when the machine is slow.
fn sleeping_tests(tree: &Tree) -> Vec<String> {
    let words = ["thread::sleep", "time::sleep", "sleep_ms"].map(str::to_owned);
    let mut breaches = Vec::new();
    for source in tree.sources(&[""]) {
        for word in words.iter().filter(|word| has_word(&source.test_code, word)) {
            breaches.push(format!("{}: {word} in a test; wait for a condition", source.path));
        }
    }
    breaches
}

/// Paths of one machine, and of the private notes of one developer.
fn machine_paths(tree: &Tree) -> Vec<String> {
    let homes = ["wo", "ro", "ho"]
        .iter()
        .zip(["rk", "ot", "me"])
        .map(|(start, end)| format!("/{start}{end}/"));
    let homes: Vec<String> = homes.collect();
    let mut breaches = Vec::new();
    for (path, text) in tree.files() {
        for (number, line) in text.lines().enumerate() {
            let stands_alone = |home: &&String| {
                line.match_indices(home.as_str()).any(|(at, _)| {
                    !line[..at]
                        .chars()
                        .next_back()
                        .is_some_and(|it| it.is_alphanumeric() || ".-_})>~".contains(it))
                })
            };
            if let Some(home) = homes.iter().find(stands_alone) {
                breaches.push(format!("{path}:{}: {home} is a path of one machine", number + 1));
            }
        }
    }
    breaches
}

#[test]
fn files_stay_readable() {
    assert_kept(&long_files(&Tree::of_project()));
    assert_caught(&long_files(&Tree::with("a/src/x.rs", &"\n".repeat(801))), "801");
}

#[test]
fn nothing_is_left_unfinished() {
    assert_kept(&unfinished(&Tree::of_project()));
    for mark in unfinished_marks() {
        assert_caught(
            &unfinished(&Tree::with("docs/x.md", &format!("a\n{mark} b\n"))),
            "docs/x.md:2",
        );
    }
}

#[test]
fn names_say_what_is_inside() {
    assert_kept(&empty_names(&Tree::of_project()));
    assert_caught(&empty_names(&Tree::with("engine/src/utils.rs", "")), "utils");
    assert_caught(&empty_names(&Tree::with("engine/src/common/a.rs", "")), "common");
    assert_caught(&empty_names(&Tree::with("engine/src/a.rs", "fn get_rate() {}\n")), "get_");
}

#[test]
fn tests_wait_for_conditions() {
    assert_kept(&sleeping_tests(&Tree::of_project()));
    let sleeping = "#[cfg(test)]\nmod tests { fn a() { thread::sleep(b) } }\n";
    assert_caught(&sleeping_tests(&Tree::with("engine/src/a.rs", sleeping)), "engine/src/a.rs");
    assert_caught(
        &sleeping_tests(&Tree::with("engine/tests/a.rs", "thread::sleep(b);\n")),
        "tests/a.rs",
    );
    assert_kept(&sleeping_tests(&Tree::with("engine/src/a.rs", "fn a() { thread::sleep(b) }\n")));
}

#[test]
fn no_path_of_one_machine_is_kept() {
    assert_kept(&machine_paths(&Tree::of_project()));
    let path = ["cd /ho", "me/", "someone\n"].concat();
    assert_caught(&machine_paths(&Tree::with("docs/x.md", &path)), "docs/x.md:1");
}
