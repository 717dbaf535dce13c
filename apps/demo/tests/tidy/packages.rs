//! The packages that the design is built on do their work at their place, and every dependency has its reason.

use crate::purity::has_word;
use crate::tree::Tree;
use crate::{assert_caught, assert_kept};

/// A package, the manifest that names it, where it works, and a word of the code that shows it does.
struct Work {
    package: &'static str,
    manifest: &'static str,
    place: &'static str,
    word: &'static str,
}

const WORK: [Work; 10] = [
    Work { package: "rayon", manifest: "codec/Cargo.toml", place: "codec/src", word: "rayon::" },
    Work {
        package: "crossbeam",
        manifest: "engine/Cargo.toml",
        place: "engine/src/pipeline",
        word: "crossbeam::",
    },
    Work {
        package: "simd-json",
        manifest: "transport/Cargo.toml",
        place: "transport/src/json",
        word: "simd_json::",
    },
    Work {
        package: "bytes",
        manifest: "transport/Cargo.toml",
        place: "transport/src",
        word: "bytes::",
    },
    Work {
        package: "quinn",
        manifest: "transport/Cargo.toml",
        place: "transport/src",
        word: "quinn::",
    },
    Work { package: "mio", manifest: "capture/Cargo.toml", place: "capture/src", word: "mio::" },
    Work {
        package: "turbojpeg",
        manifest: "codec/Cargo.toml",
        place: "codec/src/tools",
        word: "turbojpeg::",
    },
    Work {
        package: "xxhash-rust",
        manifest: "codec/Cargo.toml",
        place: "codec/src/kernels",
        word: "xxhash_rust::",
    },
    Work {
        package: "criterion",
        manifest: "benches/Cargo.toml",
        place: "benches/",
        word: "criterion::",
    },
    // What cargo-fuzz builds its targets with.
    Work {
        package: "libfuzzer-sys",
        manifest: "fuzz/Cargo.toml",
        place: "fuzz/fuzz_targets",
        word: "libfuzzer_sys::",
    },
];

fn idle_packages(tree: &Tree, work: &[Work]) -> Vec<String> {
    let mut breaches = Vec::new();
    for Work { package, manifest, place, word } in work {
        if !dependencies(tree.text(manifest)).any(|name| name == *package) {
            breaches.push(format!("{manifest} does not name {package}"));
        } else if !tree.sources(&[place]).iter().any(|source| has_word(&source.code, word)) {
            breaches.push(format!("{package} does no work in {place}: no {word} in its code"));
        }
    }
    breaches
}

/// The packages that a manifest depends on.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    manifest.lines().filter_map(move |line| {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
        }
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        (inside && !line.starts_with(['[', '#']) && !name.is_empty()).then_some(name)
    })
}

/// Every foreign dependency of the workspace and of the fuzz targets has a row in the list, and no row is left over.
fn unexplained_dependencies(tree: &Tree) -> Vec<String> {
    let list = tree.text("docs/dependencies.md");
    let rows: Vec<&str> =
        list.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let named: Vec<&str> = ["Cargo.toml", "fuzz/Cargo.toml"]
        .into_iter()
        .flat_map(|manifest| dependencies(tree.text(manifest)))
        .filter(|name| !name.starts_with("tessera"))
        .collect();
    let missing = named.iter().filter(|name| !rows.contains(name));
    let left_over = rows.iter().filter(|row| !named.contains(row));
    missing
        .map(|name| format!("{name} has no row in docs/dependencies.md"))
        .chain(left_over.map(|row| format!("{row} in docs/dependencies.md is no dependency")))
        .collect()
}

/// Every dependency that the workspace names is used by a member.
fn unused_dependencies(tree: &Tree) -> Vec<String> {
    let members: Vec<&str> = tree
        .files()
        .filter(|(path, _)| path.ends_with("/Cargo.toml") && !path.starts_with("fuzz/"))
        .flat_map(|(_, manifest)| dependencies(manifest))
        .collect();
    dependencies(tree.text("Cargo.toml"))
        .filter(|name| !members.contains(name))
        .map(|name| format!("no member depends on {name}, which Cargo.toml names"))
        .collect()
}

/// Every dependency that a member names stands in its code.
fn unused_in_members(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, manifest) in tree.files() {
        let Some(folder) = path.strip_suffix("/Cargo.toml") else { continue };
        let sources = tree.sources(&[&format!("{folder}/")]);
        for name in dependencies(manifest) {
            let ident = name.replace('-', "_");
            let stands = |code: &str| {
                code.match_indices(&ident).any(|(at, _)| {
                    let other =
                        |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
                    !other(code[..at].chars().next_back())
                        && !other(code[at + ident.len()..].chars().next())
                })
            };
            if !sources.iter().any(|it| stands(&it.code) || stands(&it.test_code)) {
                breaches.push(format!("{path} names {name}, which its code does not use"));
            }
        }
    }
    breaches
}

#[test]
fn required_packages_do_their_work() {
    assert_kept(&idle_packages(&Tree::of_project(), &WORK));
}

#[test]
fn an_idle_package_is_caught() {
    for work in WORK {
        let file = format!("{}/x.rs", work.place.trim_end_matches('/'));
        let manifest = format!("[dependencies]\n{}.workspace = true\n", work.package);
        let code = format!("use {}X;\n", work.word);
        let working = Tree::with(work.manifest, &manifest).and(&file, &code);
        let package = work.package;
        let work = [work];
        assert_kept(&idle_packages(&working, &work));
        let idle = working.clone().and(&file, &format!("// {code}"));
        assert_caught(&idle_packages(&idle, &work), package);
        let unnamed = working.and(work[0].manifest, "[dependencies]\nserde = \"1\"\n");
        assert_caught(&idle_packages(&unnamed, &work), package);
    }
}

#[test]
fn every_dependency_has_its_reason() {
    assert_kept(&unexplained_dependencies(&Tree::of_project()));
}

#[test]
fn a_dependency_without_a_reason_is_caught() {
    let manifest = "[workspace.dependencies]\ntessera = { path = \"engine\" }\nserde = \"1\"\n";
    let tree = Tree::with("Cargo.toml", manifest);
    assert_caught(&unexplained_dependencies(&tree), "serde");
    let explained = tree.clone().and("docs/dependencies.md", "| `serde` | reads and writes |\n");
    assert_kept(&unexplained_dependencies(&explained));
    let left_over = tree.and("docs/dependencies.md", "| `serde` | x |\n| `rand` | x |\n");
    assert_caught(&unexplained_dependencies(&left_over), "rand");
}

#[test]
fn every_dependency_is_used() {
    let tree = Tree::of_project();
    assert_kept(&unused_dependencies(&tree));
    assert_kept(&unused_in_members(&tree));
}

#[test]
fn an_unused_dependency_is_caught() {
    let tree = Tree::with("Cargo.toml", "[workspace.dependencies]\nrand = \"1\"\n");
    assert_caught(&unused_dependencies(&tree), "rand");
    let tree = Tree::with("codec/Cargo.toml", "[dependencies]\nrand.workspace = true\n")
        .and("codec/src/lib.rs", "// rand::random\nfn random_brand() {}\n");
    assert_caught(&unused_in_members(&tree), "rand");
    let used = tree.and("codec/src/lib.rs", "use rand::random;\n");
    assert_kept(&unused_in_members(&used));
}
