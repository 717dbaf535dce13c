//! The files in which programs describe themselves to desktops: freedesktop.org's Desktop Entry
//! Specification 1.5, as far as starting a program needs it.
//!
//! Pure: text in, entry out. Where the files lie is [`mod@super::installed`]'s.

/// What a file says of a program that a person can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) exec: String,
    pub(super) try_exec: Option<String>,
    /// The class that the program gives to its windows.
    pub(super) window_class: Option<String>,
    /// Whether it is for people to choose.
    pub(super) listed: bool,
}

/// Reads a file. `languages` are forms of a locale, such as `de_AT` and `de`, the best first. `None` when
/// it describes no program.
pub(super) fn parse(text: &str, languages: &[String]) -> Option<Entry> {
    let mut lines =
        text.lines().map(str::trim).skip_while(|line| *line != "[Desktop Entry]").skip(1);
    let mut keys = Vec::new();
    for line in lines.by_ref().take_while(|line| !line.starts_with('[')) {
        if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            keys.push((key.trim_end(), value.trim_start()));
        }
    }
    let raw = |wanted: &str| keys.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    let flag = |wanted| raw(wanted) == Some("true");
    if raw("Type") != Some("Application") {
        return None;
    }
    let named = languages.iter().find_map(|language| raw(&format!("Name[{language}]")));
    Some(Entry {
        name: unescaped(named.or_else(|| raw("Name"))?),
        exec: unescaped(raw("Exec")?),
        try_exec: raw("TryExec").map(unescaped),
        window_class: raw("StartupWMClass").map(unescaped),
        listed: !flag("NoDisplay") && !flag("Hidden") && !flag("Terminal"),
    })
}

/// A value without the escapes that every string may have.
fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('s') => out.push(' '),
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\\') => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// The program and its arguments that an `Exec` value means, without files to open; `file` is where the
/// entry was read. `None` when the value breaks the rules, in which case nothing may be started.
pub(super) fn command(entry: &Entry, file: &str) -> Option<Vec<String>> {
    let mut arguments = Vec::new();
    let mut rest = entry.exec.trim_start();
    while let Some(first) = rest.chars().next() {
        let (argument, quoted, after) =
            if first == '"' { quoted(&rest[1..])? } else { unquoted(rest)? };
        if quoted {
            arguments.push(argument);
        } else if let Some(expanded) = expanded(&argument, entry, file)? {
            arguments.push(expanded);
        }
        rest = after.trim_start();
    }
    (!arguments.first()?.is_empty()).then_some(arguments)
}

/// What stands before the closing quote, that it was quoted, and what comes after.
fn quoted(text: &str) -> Option<(String, bool, &str)> {
    let mut argument = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((argument, true, &text[at + 1..])),
            '\\' => argument.push(characters.next()?.1),
            // They would mean something to a shell and have to be escaped.
            '`' | '$' => return None,
            other => argument.push(other),
        }
    }
    None
}

/// The characters that an argument without quotes must not have.
const RESERVED: &str = "\"'\\><~|&;$*?#()`";

fn unquoted(text: &str) -> Option<(String, bool, &str)> {
    let end = text.find([' ', '\t', '\n']).unwrap_or(text.len());
    let (argument, after) = text.split_at(end);
    (!argument.contains(|character| RESERVED.contains(character)))
        .then(|| (argument.to_owned(), false, after))
}

/// An argument with its field codes replaced: the outer `None` when one is unknown, the inner one when
/// nothing is left of it.
fn expanded(argument: &str, entry: &Entry, file: &str) -> Option<Option<String>> {
    let mut out = String::with_capacity(argument.len());
    let mut characters = argument.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        match characters.next()? {
            '%' => out.push('%'),
            'c' => out.push_str(&entry.name),
            'k' => out.push_str(file),
            // Files and addresses, of which there are none; an icon; and codes that are obsolete.
            'f' | 'F' | 'u' | 'U' | 'i' | 'd' | 'D' | 'n' | 'N' | 'v' | 'm' => {}
            _ => return None,
        }
    }
    Some((!out.is_empty()).then_some(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(exec: &str) -> Entry {
        Entry {
            name: "A b".into(),
            exec: exec.into(),
            try_exec: None,
            window_class: None,
            listed: true,
        }
    }

    fn words(exec: &str) -> Option<Vec<String>> {
        command(&entry(exec), "/x/a.desktop")
    }

    #[test]
    fn an_entry_is_read_in_the_persons_language() {
        let text = "# comment\n[Desktop Entry]\nType=Application\nName=Editor\nName[de]=Texte\n\
                    Exec=edit --new %F\nTryExec=edit\nStartupWMClass=Edit\nNoDisplay=false\n\
                    [Desktop Action new]\nName=Other\nExec=other\n";
        let german = parse(text, &["de_AT".into(), "de".into()]).expect("an entry");
        assert_eq!((german.name.as_str(), german.listed), ("Texte", true));
        assert_eq!(german.window_class.as_deref(), Some("Edit"));
        assert_eq!(parse(text, &[]).expect("an entry").name, "Editor");
        assert_eq!(command(&german, "").expect("good"), ["edit", "--new"]);
    }

    #[test]
    fn what_is_not_for_people_is_not_listed() {
        for line in ["NoDisplay=true", "Hidden=true", "Terminal=true"] {
            let text = format!("[Desktop Entry]\nType=Application\nName=A\nExec=a\n{line}\n");
            assert!(!parse(&text, &[]).expect("an entry").listed, "{line}");
        }
        for text in ["", "[Desktop Entry]\nType=Link\nName=A\nURL=b", "Type=Application\nExec=a"] {
            assert_eq!(parse(text, &[]), None, "{text}");
        }
    }

    #[test]
    fn arguments_are_split_as_the_specification_says() {
        assert_eq!(words("a  b\tc").expect("good"), ["a", "b", "c"]);
        assert_eq!(
            words(r#""/opt/my app/run" "say \"hi\" \$x \\""#).expect("good")[1],
            r#"say "hi" $x \"#
        );
        assert_eq!(
            words("a %% 50%% %c %k %U").expect("good"),
            ["a", "%", "50%", "A b", "/x/a.desktop"]
        );
        assert_eq!(words("a \"%U\"").expect("good"), ["a", "%U"], "no codes inside quotes");
    }

    #[test]
    fn nothing_that_a_shell_would_interpret_is_started() {
        for exec in
            ["", "a;b", "a | b", "a $(b)", "a `b`", "a > b", "\"a $b\"", "\"a", "a %q", "a %"]
        {
            assert_eq!(words(exec), None, "{exec}");
        }
    }
}
