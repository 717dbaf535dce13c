//! Finds single figures in the JSON lines that the programs log.
//!
//! A witness wants two or three numbers out of lines whose producer it knows; it does not parse JSON in general.

/// The number under `name` in a line of JSON; the first one when there are several.
pub fn number(line: &str, name: &str) -> Option<f64> {
    let value = value(line, name)?;
    let end = value.find([',', '}', ']', ' ']).unwrap_or(value.len());
    value[..end].trim_matches('"').parse().ok()
}

fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let key = format!("\"{name}\"");
    let (_, rest) = line.split_once(&key)?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

/// `text` as a JSON string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_numbers_wherever_they_stand() {
        let line =
            r#"{"level":"INFO","fields":{"message":"figures","frames":12, "share": 0.5},"n":"7"}"#;
        assert_eq!(number(line, "frames"), Some(12.0));
        assert_eq!(number(line, "share"), Some(0.5));
        assert_eq!(number(line, "n"), Some(7.0));
        assert_eq!(number(line, "absent"), None);
    }

    #[test]
    fn quoting_escapes_what_json_reserves() {
        assert_eq!(quoted("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }
}
