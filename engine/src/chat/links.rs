//! Where links really lead.

/// `text` with the host of each link behind it, in square brackets: `https://bank.example@evil.example/`
/// becomes `https://bank.example@evil.example/ [leads to evil.example]`. A host with letters of other
/// alphabets than ours, with which names are forged, is said to have them.
#[must_use]
pub fn with_hosts(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| !c.is_whitespace()) {
        let (space, word_on) = rest.split_at(at);
        let end = word_on.find(char::is_whitespace).unwrap_or(word_on.len());
        let (word, after) = word_on.split_at(end);
        shown.push_str(space);
        shown.push_str(word);
        if let Some(host) = host_of(word) {
            let forged = if host.is_ascii() && !host.contains("xn--") {
                ""
            } else {
                ", a name with unusual letters"
            };
            shown.push_str(&format!(" [leads to {host}{forged}]"));
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// The host that a browser would go to; `None` when `word` holds no link.
fn host_of(word: &str) -> Option<&str> {
    // A browser takes backslashes for slashes.
    let lower = word.to_ascii_lowercase().replace('\\', "/");
    let (start, has_scheme) = match lower.find("://") {
        Some(at) => (at + 3, true),
        None => (lower.find("www.")?, false),
    };
    // Any number of slashes may stand behind the scheme.
    let address = word[start..].trim_start_matches(['/', '\\']);
    let end = address.find(['/', '\\', '?', '#']).unwrap_or(address.len());
    let authority = &address[..end];
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = if let Some(inside) = host.strip_prefix('[') {
        inside.split(']').next().unwrap_or(inside)
    } else {
        host.split(':').next().unwrap_or(host)
    };
    let host = host.trim_end_matches(['.', ',', ';', ')', '"', '\'', '>', '!']);
    (!host.is_empty() && (has_scheme || host.contains('.'))).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::with_hosts;

    #[test]
    fn the_true_host_is_behind_every_link() {
        for (said, shown) in [
            ("see https://example.com/a?b", "see https://example.com/a?b [leads to example.com]"),
            (
                "https://bank.com@evil.net/bank.com",
                "https://bank.com@evil.net/bank.com [leads to evil.net]",
            ),
            (r"https:\\evil.net\@bank.com", r"https:\\evil.net\@bank.com [leads to evil.net]"),
            (r"https://evil.net\@bank.com", r"https://evil.net\@bank.com [leads to evil.net]"),
            ("HTTP://EVIL.net:8080#x", "HTTP://EVIL.net:8080#x [leads to EVIL.net]"),
            ("(www.example.com).", "(www.example.com). [leads to www.example.com]"),
            ("http://[::1]:80/", "http://[::1]:80/ [leads to ::1]"),
            (
                "https://\u{440}aypal.com",
                "https://\u{440}aypal.com [leads to \u{440}aypal.com, a name with unusual letters]",
            ),
            (
                "https://xn--aypal-uye.com",
                "https://xn--aypal-uye.com [leads to xn--aypal-uye.com, a name with unusual letters]",
            ),
            ("no link: a.b, 1:2 //x and 3 / 4", "no link: a.b, 1:2 //x and 3 / 4"),
            ("two\nlines  kept", "two\nlines  kept"),
            ("https://", "https://"),
        ] {
            assert_eq!(with_hosts(said), shown);
        }
    }
}
