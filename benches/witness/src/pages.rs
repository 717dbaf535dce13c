//! The files that the demo's applications show: a page with text and pictures, and a plain text.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::picture::{photo, write_png};

/// Sentences that the page and the text repeat in changing order.
const SENTENCES: [&str; 8] = [
    "The terminal beside this page keeps a steady caret, so that a settled screen stays settled.",
    "A support representative sees exactly what the customer sees, down to the last pixel of a letter.",
    "Small type, thin rules and subpixel colour show at once when a codec rounds where it should not.",
    "Photographs move in good quality and become exact as soon as they rest.",
    "Nothing here is loaded from a network; the page and its pictures were written a moment ago.",
    "Scrolling moves most of the page and brings a little that is new.",
    "Every line differs a little from the one above it: 0123456789, (brackets), \"quotes\" & dashes.",
    "What the wheel moves on one display has to arrive on the other one, line for line.",
];

/// How often the text repeats, enough to scroll a tall window several times.
const PARAGRAPHS: usize = 36;

/// Sizes of the page's pictures, in pixels.
const PICTURES: [(u16, u16); 3] = [(760, 320), (480, 300), (620, 420)];

/// Where the files are.
#[derive(Debug)]
pub struct Pages {
    /// For a browser.
    pub html: PathBuf,
    /// For an editor.
    pub text: PathBuf,
}

/// Writes the files into `folder`.
pub fn write(folder: &Path) -> Result<Pages, Error> {
    for (index, (width, height)) in PICTURES.into_iter().enumerate() {
        let picture = photo(width, height, index as u64);
        write_png(&folder.join(format!("picture-{index}.png")), width, height, &picture.bgrx)?;
    }
    let pages = Pages { html: folder.join("page.html"), text: folder.join("page.txt") };
    let write = |path: &Path, content: String| {
        fs::write(path, content).map_err(Error::io(format!("write {}", path.display())))
    };
    write(&pages.html, html())?;
    write(&pages.text, text())?;
    Ok(pages)
}

fn paragraph(index: usize) -> String {
    let mut words = String::new();
    for step in 0..4 {
        let sentence = SENTENCES[(index * 3 + step * (index % 3 + 1)) % SENTENCES.len()];
        words.push_str(sentence);
        words.push(' ');
    }
    words
}

fn html() -> String {
    let mut page = String::from(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>A page to support</title>\n\
         <style>body { font-family: sans-serif; margin: 24px; color: #202428; background: #fcfcf8 }\n\
         h1 { color: #1d4f7c } p { line-height: 1.35 } td { border: 1px solid #9aa4ae; padding: 3px 9px }\n\
         </style></head><body><h1>A page to support</h1>\n",
    );
    for index in 0..PARAGRAPHS {
        let text = paragraph(index).replace('&', "&amp;");
        // Writing to a string cannot fail.
        let _ = writeln!(page, "<p>{}. {text}</p>", index + 1);
        if index % 4 == 0 {
            let picture = index / 4 % PICTURES.len();
            let (width, height) = PICTURES[picture];
            let _ = writeln!(
                page,
                "<p><img src=\"picture-{picture}.png\" width=\"{width}\" height=\"{height}\" alt=\"\"></p>"
            );
        }
        if index % 5 == 2 {
            page.push_str("<table>");
            for row in 1..=4 {
                let _ = write!(page, "<tr><td>{row}</td>");
                for column in 1..=5 {
                    let _ = write!(page, "<td>{}</td>", index * row * 37 + column * 911);
                }
                page.push_str("</tr>");
            }
            page.push_str("</table>\n");
        }
    }
    page.push_str("</body></html>\n");
    page
}

fn text() -> String {
    let mut lines = String::new();
    for index in 0..PARAGRAPHS * 4 {
        let sentence = SENTENCES[index * 5 % SENTENCES.len()];
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{:4}  {sentence}", index + 1);
    }
    lines
}
