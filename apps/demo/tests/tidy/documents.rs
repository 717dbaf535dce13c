//! Links of the documents lead somewhere, the programs' arguments are described, and the threat model names tests that exist.

use crate::tree::Tree;
use crate::{assert_caught, assert_kept};

/// The programs' packages and the document that describes their arguments.
const PROGRAMS: [&str; 4] = ["apps/center", "apps/csr", "apps/customer", "apps/demo"];
const PROGRAMS_DOCUMENT: &str = "docs/programs.md";

/// The document whose claims each name a test.
const THREATS_DOCUMENT: &str = "docs/security.md";

fn broken_links(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| path.ends_with(".md")) {
        for link in links(text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { path.to_owned() } else { resolve(path, file) };
            if !tree.has(&target) {
                breaches.push(format!("{path}: {link} leads nowhere"));
            } else if !anchor.is_empty() && !anchors(tree.text(&target)).any(|it| it == anchor) {
                breaches.push(format!("{path}: {link} names no heading of {target}"));
            }
        }
    }
    breaches
}

/// What stands between the brackets of `](…)`, code blocks left aside.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut links = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced || line.starts_with("    ") {
            continue;
        }
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        links.extend(targets.map(|it| it.split(' ').next().unwrap_or_default().to_owned()));
    }
    links
}

/// The path that `link` means in the file `from`.
fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// The anchors of a document's headings, as forges make them.
fn anchors(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        heading
            .chars()
            .filter(|it| it.is_alphanumeric() || " -_".contains(*it))
            .map(|it| if it == ' ' { '-' } else { it })
            .collect()
    })
}

fn undescribed_arguments(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for program in PROGRAMS {
        for source in tree.sources(&[&format!("{program}/src/")]) {
            for flag in long_flags(&source.text) {
                if !tree.text(PROGRAMS_DOCUMENT).contains(&format!("`{flag}")) {
                    breaches.push(format!(
                        "{}: {PROGRAMS_DOCUMENT} does not describe {flag}",
                        source.path
                    ));
                }
            }
        }
    }
    breaches
}

/// Tests and files that the threat model names in vain.
fn missing_proofs(tree: &Tree) -> Vec<String> {
    let is_test = |name: &&str| {
        name.matches('_').count() >= 2
            && name.chars().all(|it| it == '_' || it.is_ascii_lowercase() || it.is_ascii_digit())
    };
    let text = tree.text(THREATS_DOCUMENT);
    let names: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let no_test = names.iter().copied().filter(is_test).filter(|name| {
        let definition = format!("fn {name}(");
        !tree.files().any(|(path, text)| path.ends_with(".rs") && text.contains(&definition))
    });
    let no_file = names.iter().copied().filter(|name| name.ends_with(".rs") && !tree.has(name));
    no_test.chain(no_file).map(|name| format!("{THREATS_DOCUMENT}: there is no {name}")).collect()
}

/// The `--flags` that clap derives from fields with `#[arg(long…)]`.
fn long_flags(text: &str) -> Vec<String> {
    let mut flags = Vec::new();
    for (at, _) in text.match_indices("#[arg(") {
        let attribute = &text[at..];
        let Some(end) = attribute.find(")]") else { continue };
        let (inside, after) = attribute.split_at(end);
        if !inside
            .split([',', '('])
            .any(|it| it.trim() == "long" || it.trim().starts_with("long ="))
        {
            continue;
        }
        let named = inside.split_once("long = \"").and_then(|(_, rest)| rest.split('"').next());
        // The field follows the attribute: perhaps its visibility, its name, a colon.
        let field = after[2..].split(':').next().and_then(|it| it.split_whitespace().last());
        if let Some(name) = named.or(field) {
            flags.push(format!("--{}", name.replace('_', "-")));
        }
    }
    flags
}

#[test]
fn links_lead_somewhere() {
    assert_kept(&broken_links(&Tree::of_project()));
}

#[test]
fn a_broken_link_is_caught() {
    let tree = Tree::with("docs/a.md", "# One two\n[x](b.md) [y](#one-two) [z](../R.md)\n")
        .and("docs/b.md", "# B\n")
        .and("R.md", "[d](docs)\n");
    assert_kept(&broken_links(&tree));
    assert_caught(&broken_links(&tree.clone().and("R.md", "[x](docs/c.md)\n")), "docs/c.md");
    assert_caught(&broken_links(&tree.and("R.md", "[x](docs/a.md#three)\n")), "#three");
}

#[test]
fn every_argument_is_described() {
    assert_kept(&undescribed_arguments(&Tree::of_project()));
}

#[test]
fn an_undescribed_argument_is_caught() {
    let code = "    #[arg(long, value_name = \"N\")]\n    pub(crate) new_flag: u8,\n";
    let tree = Tree::with("apps/csr/src/cli.rs", code);
    assert_caught(&undescribed_arguments(&tree), "--new-flag");
    assert_kept(&undescribed_arguments(&tree.and(PROGRAMS_DOCUMENT, "`--new-flag N`\n")));
}

#[test]
fn the_threat_model_names_tests_that_exist() {
    assert_kept(&missing_proofs(&Tree::of_project()));
}

#[test]
fn a_proof_that_is_missing_is_caught() {
    let claim = "It cannot: `it_is_found_out`: `a/b.rs`\n";
    let tree = Tree::with(THREATS_DOCUMENT, claim).and("a/b.rs", "fn it_is_found_out() {}\n");
    assert_kept(&missing_proofs(&tree));
    assert_caught(&missing_proofs(&tree.clone().and("a/b.rs", "fn other() {}\n")), "it_is_found");
    let elsewhere = Tree::with(THREATS_DOCUMENT, claim).and("c.rs", "fn it_is_found_out() {}\n");
    assert_caught(&missing_proofs(&elsewhere), "a/b.rs");
}
