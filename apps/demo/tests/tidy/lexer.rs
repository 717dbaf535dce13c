//! Just enough of Rust's lexical rules to tell code from comments, strings and tests.

/// `text` with every character of comments and of strings' contents replaced by a space; lines keep their numbers.
pub(crate) fn blank_comments_and_strings(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let end = opaque_end(&characters, at);
        if end == at {
            out.push(characters[at]);
            at += 1;
        } else {
            out.extend(characters[at..end].iter().map(|it| if *it == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none begins there.
fn opaque_end(text: &[char], at: usize) -> usize {
    let starts =
        |pattern: &str| pattern.chars().enumerate().all(|(i, c)| text.get(at + i) == Some(&c));
    if starts("//") {
        return (at..text.len()).find(|i| text[*i] == '\n').unwrap_or(text.len());
    }
    if starts("/*") {
        return block_comment_end(text, at);
    }
    let in_word = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_');
    match text[at] {
        '"' => string_end(text, at),
        'r' if !in_word || text[at - 1] == 'b' => raw_string_end(text, at),
        '\'' => char_end(text, at),
        _ => at,
    }
}

fn block_comment_end(text: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i + 1 < text.len() {
        match (text[i], text[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    text.len()
}

fn string_end(text: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < text.len() && text[i] != '"' {
        i += if text[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(text.len())
}

/// For `r"…"` and `r#"…"#`.
fn raw_string_end(text: &[char], at: usize) -> usize {
    let hashes = text[at + 1..].iter().take_while(|it| **it == '#').count();
    if text.get(at + 1 + hashes) != Some(&'"') {
        return at;
    }
    let body = at + 2 + hashes;
    let closes = |i: usize| {
        text[i] == '"'
            && text[i + 1..].iter().take(hashes).filter(|it| **it == '#').count() == hashes
    };
    (body..text.len()).find(|i| closes(*i)).map_or(text.len(), |i| i + 1 + hashes)
}

/// For `'x'` and `'\n'`; a lifetime is none.
fn char_end(text: &[char], at: usize) -> usize {
    if text.get(at + 1) == Some(&'\\') {
        return (at + 3..text.len()).find(|i| text[*i] == '\'').map_or(text.len(), |i| i + 1);
    }
    if text.get(at + 2) == Some(&'\'') { at + 3 } else { at }
}

/// Splits blanked code into what is built always and what `#[cfg(test)]` stands before.
pub(crate) fn split_tests(code: &str) -> (String, String) {
    let (mut always, mut tests) = (String::new(), String::new());
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        let end = start + item_length(&rest[start..]);
        always.push_str(&rest[..start]);
        always.extend(rest[start..end].matches('\n'));
        tests.push_str(&rest[start..end]);
        tests.push('\n');
        rest = &rest[end..];
    }
    always.push_str(rest);
    (always, tests)
}

/// The length of the item at the beginning of `code`: to its `;` or its closing brace.
fn item_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn strings_comments_and_characters_are_blanked() {
    let code = blank_comments_and_strings(
        "let a = \"unsafe \\\" x\"; // unsafe\nlet b = r#\"unsafe\"#; /* unsafe /* x */ unsafe */ '\"' 'a\n'\\''",
    );
    assert!(!code.contains("unsafe"), "{code}");
    assert!(code.contains("'a\n"), "a lifetime stays: {code}");
    assert_eq!(code.lines().count(), 3);
}

#[test]
fn tests_are_split_off() {
    let (always, tests) =
        split_tests("fn a() { b() }\n#[cfg(test)]\nmod tests {\n fn c() { d() }\n}\nfn e() {}\n");
    assert_eq!(always, "fn a() { b() }\n\n\n\n\nfn e() {}\n");
    assert!(tests.contains("d()") && !tests.contains("e()"));
}
