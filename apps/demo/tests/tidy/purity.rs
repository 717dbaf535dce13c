//! What code below the programs must not do: print, be unsafe outside the audited files, or look at the clock inside
//! a state machine.

use crate::tree::{Source, Tree};
use crate::{assert_caught, assert_kept};

/// Everything below the programs.
const LIBRARIES: [&str; 4] = ["codec/src", "capture/src", "transport/src", "engine/src"];

/// The files that may hold `unsafe`, each audited: memory shared with the X server, Xlib's handler, SIMD kernels and the place that
/// chooses them, the hand-over slot, the settings of the video coder, and the allocators of tests that count.
const UNSAFE_ALLOWED: [&str; 11] = [
    "capture/src/x11/shared_memory.rs",
    "capture/src/x11/xlib.rs",
    "codec/src/kernels/avx2.rs",
    "codec/src/kernels/avx512.rs",
    "codec/src/kernels/mod.rs",
    "codec/src/kernels/pixel.rs",
    "codec/src/kernels/sse2.rs",
    "codec/src/video/encoder.rs",
    "codec/tests/allocations.rs",
    "engine/src/pipeline/slot.rs",
    "engine/tests/hot_path.rs",
];

/// What is pure: messages and time in, messages and actions out. Files or folders.
const STATE_MACHINES: [&str; 23] = [
    "benches/netlab/src/emulator/direction.rs",
    "codec/src/",
    "engine/src/annotate/hand.rs",
    "engine/src/annotate/layer.rs",
    "engine/src/annotate/mark.rs",
    "engine/src/annotate/meter.rs",
    "engine/src/annotate/op.rs",
    "engine/src/annotate/paint/",
    "engine/src/pipeline/flow.rs",
    "engine/src/pipeline/sweep.rs",
    "engine/src/session/",
    "transport/src/congestion/cubic.rs",
    "transport/src/congestion/delivery.rs",
    "transport/src/congestion/jitter.rs",
    "transport/src/congestion/loss.rs",
    "transport/src/congestion/window.rs",
    "transport/src/datagram.rs",
    "transport/src/framing.rs",
    "transport/src/input.rs",
    "transport/src/priority.rs",
    "transport/src/relay/",
    "transport/src/sanitize.rs",
    "transport/src/wire.rs",
];

/// Code that brings the clock, randomness or I/O into a state machine.
const IMPURE: [&str; 18] = [
    "Instant::now",
    "SystemTime",
    "rand::",
    "OsRng",
    "std::fs",
    "std::net",
    "stdin",
    "stdout",
    "stderr",
    "std::env",
    "thread::",
    "tokio::",
    "quinn::",
    "mio::",
    "x11rb::",
    "tracing::",
    "static mut",
    "Mutex",
];

/// Where pictures pass. Files or folders.
const HOT_PATH: [&str; 7] = [
    "codec/src/",
    "engine/src/pipeline/",
    "engine/src/view.rs",
    "transport/src/acknowledgement.rs",
    "transport/src/chain.rs",
    "transport/src/leaf.rs",
    "transport/src/pool.rs",
];

/// Locks, and queues without a bound.
const UNBOUNDED: [&str; 6] =
    ["Mutex", "RwLock", "Condvar", "SegQueue", "unbounded", "mpsc::channel"];

/// Lines above an `unsafe` in which its argument may begin.
const SAFETY_REACH_LINES: usize = 8;

fn prints_or_reads_arguments(tree: &Tree) -> Vec<String> {
    let words = ["println!", "eprintln!", "print!", "eprint!", "dbg!", "env::args"];
    in_code(&tree.sources(&LIBRARIES), &words, "belongs into the programs")
}

fn locks_on_the_hot_path(tree: &Tree) -> Vec<String> {
    in_code(&tree.sources(&HOT_PATH), &UNBOUNDED, "has no place where pictures pass")
}

fn impure_state_machines(tree: &Tree, machines: &[&str]) -> Vec<String> {
    let mut breaches: Vec<String> = machines
        .iter()
        .filter(|path| !tree.has(path))
        .map(|path| format!("{path} is listed as a state machine but is not there"))
        .collect();
    breaches.extend(in_code(&tree.sources(machines), &IMPURE, "has no place in a state machine"));
    breaches
}

fn in_code(sources: &[Source], words: &[&str], reason: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        for (number, line) in source.code.lines().enumerate() {
            for word in words.iter().filter(|word| has_word(line, word)) {
                breaches.push(format!("{}:{}: {word} {reason}", source.path, number + 1));
            }
        }
    }
    breaches
}

/// Whether `word` stands in `line` and does not continue a longer name.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(|it| it.is_alphanumeric() || it == '_')
    })
}

fn unaudited_unsafe(tree: &Tree, allowed: &[&str]) -> Vec<String> {
    let mut breaches = Vec::new();
    for path in allowed {
        let sources = tree.sources(&[path]);
        let holds = |source: &Source| {
            !unsafe_lines(&source.code).is_empty() || !unsafe_lines(&source.test_code).is_empty()
        };
        if !sources.iter().any(holds) {
            breaches.push(format!("{path} is listed as holding unsafe code but holds none"));
        }
    }
    for source in tree.sources(&[""]) {
        let code = format!("{}\n{}", source.code, source.test_code);
        if !allowed.contains(&source.path.as_str()) {
            if !unsafe_lines(&code).is_empty() {
                breaches.push(format!("{}: unsafe is not allowed in this file", source.path));
            }
            continue;
        }
        let lines: Vec<&str> = source.text.lines().collect();
        let mut numbers = unsafe_lines(&source.code);
        if source.code.is_empty() {
            numbers = unsafe_lines(&source.test_code);
        }
        for number in numbers {
            let above = &lines[number.saturating_sub(SAFETY_REACH_LINES)..=number];
            if !above.iter().any(|line| line.contains("SAFETY:") || line.contains("# Safety")) {
                breaches.push(format!(
                    "{}:{}: unsafe without a SAFETY argument",
                    source.path,
                    number + 1
                ));
            }
        }
    }
    breaches
}

/// Numbers, from 0, of the lines that hold the keyword.
fn unsafe_lines(code: &str) -> Vec<usize> {
    let holds = |line: &str| {
        line.split(|it: char| !it.is_alphanumeric() && it != '_').any(|word| word == "unsafe")
    };
    code.lines().enumerate().filter(|(_, line)| holds(line)).map(|(number, _)| number).collect()
}

#[test]
fn nothing_below_the_programs_prints_or_reads_arguments() {
    assert_kept(&prints_or_reads_arguments(&Tree::of_project()));
}

#[test]
fn a_print_below_the_programs_is_caught() {
    let tree = Tree::with("codec/src/x.rs", "fn a() {\n    println!(\"x\");\n}\n")
        .and("codec/src/y.rs", "// println!\n#[cfg(test)]\nmod tests { fn a() { println!() } }\n")
        .and("apps/csr/src/main.rs", "fn main() { println!() }\n");
    assert_caught(&prints_or_reads_arguments(&tree), "codec/src/x.rs:2: println!");
    let tree = Tree::with("engine/src/x.rs", "let a = std::env::args();\n");
    assert_caught(&prints_or_reads_arguments(&tree), "env::args");
}

#[test]
fn state_machines_know_no_clock_no_chance_and_no_device() {
    assert_kept(&impure_state_machines(&Tree::of_project(), &STATE_MACHINES));
}

#[test]
fn a_clock_in_a_state_machine_is_caught() {
    let machines = ["engine/src/session"];
    let pure = "fn handle(now: Instant) {}\n";
    assert_kept(&impure_state_machines(&Tree::with("engine/src/session/a.rs", pure), &machines));
    let tree = Tree::with("engine/src/session/a.rs", "let now = Instant::now();\n");
    assert_caught(&impure_state_machines(&tree, &machines), "Instant::now");
    assert_caught(&impure_state_machines(&Tree::default(), &machines), "not there");
}

#[test]
fn pictures_pass_no_lock_and_no_queue_without_a_bound() {
    assert_kept(&locks_on_the_hot_path(&Tree::of_project()));
    let tree = Tree::with("engine/src/pipeline/x.rs", "let a = Mutex::new(0);\n");
    assert_caught(&locks_on_the_hot_path(&tree), "Mutex");
    let tree = Tree::with("engine/src/pipeline/x.rs", "let a = SegQueue::new();\n");
    assert_caught(&locks_on_the_hot_path(&tree), "SegQueue");
}

#[test]
fn unsafe_stands_only_in_audited_files_with_an_argument() {
    assert_kept(&unaudited_unsafe(&Tree::of_project(), &UNSAFE_ALLOWED));
}

#[test]
fn unsafe_elsewhere_or_unargued_is_caught() {
    let allowed = ["codec/src/simd.rs"];
    let argued = "// SAFETY: the index is below the length.\nlet a = unsafe { b() };\n";
    let kept = Tree::with("codec/src/simd.rs", argued);
    assert_kept(&unaudited_unsafe(&kept, &allowed));
    let elsewhere = kept.and("engine/src/a.rs", argued);
    assert_caught(&unaudited_unsafe(&elsewhere, &allowed), "engine/src/a.rs");
    let unargued = Tree::with("codec/src/simd.rs", "let a = unsafe { b() };\n");
    assert_caught(&unaudited_unsafe(&unargued, &allowed), "without a SAFETY argument");
    let gone = Tree::with("codec/src/simd.rs", "#![deny(unsafe_code)]\n");
    assert_caught(&unaudited_unsafe(&gone, &allowed), "holds none");
}
