//! Keeps the invariants of ARCHITECTURE.md in the source. Each rule is a function from the project's files to what
//! breaks it, and is shown to catch a planted breach.

mod documents;
mod edges;
mod lexer;
mod packages;
mod purity;
mod style;
mod tree;

/// Fails with every breach on a line of its own.
#[track_caller]
fn assert_kept(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n  {}\n", breaches.join("\n  "));
}

/// Fails unless exactly one breach was found and names `what`.
#[track_caller]
fn assert_caught(breaches: &[String], what: &str) {
    match breaches {
        [breach] => assert!(breach.contains(what), "{breach:?} does not name {what:?}"),
        other => panic!("one breach naming {what:?} expected, found {other:?}"),
    }
}
