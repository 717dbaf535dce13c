//! The `plot` subcommand: results of `codec --json` as pictures, one bar chart for each clip.
//!
//! Bytes stand on a logarithmic scale; beside each bar stands what the pictures are worth.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::PlotArgs;
use crate::error::BenchError;
use crate::json;

/// The part of a result that is drawn.
#[derive(Clone, Debug, serde::Deserialize)]
struct Figure {
    clip: String,
    codec: String,
    policy: Option<String>,
    ack_delay: Option<usize>,
    bytes_per_frame: f64,
    exact_share: f64,
    psnr_screen_db: Option<f64>,
}

#[derive(serde::Serialize)]
struct Drawn<'a> {
    plot: &'a str,
    bars: usize,
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &PlotArgs) -> Result<(), BenchError> {
    let text = std::fs::read_to_string(&arguments.results)?;
    let figures = parse(&arguments.results, &text)?;
    std::fs::create_dir_all(&arguments.folder)?;
    let mut clips: Vec<&str> = figures.iter().map(|figure| figure.clip.as_str()).collect();
    clips.dedup();
    for clip in clips {
        let bars: Vec<&Figure> = figures.iter().filter(|figure| figure.clip == clip).collect();
        let path = arguments.folder.join(format!("{clip}.svg"));
        std::fs::write(&path, draw(clip, &bars))?;
        let plot = path.to_string_lossy();
        if arguments.json {
            println!("{}", json::line(&Drawn { plot: &plot, bars: bars.len() }));
        } else {
            println!("{plot}");
        }
    }
    Ok(())
}

/// Reads lines of results; only those at an acknowledgement delay of 0 are drawn.
fn parse(path: &Path, text: &str) -> Result<Vec<Figure>, BenchError> {
    let mut figures: Vec<Figure> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let mut line = line.as_bytes().to_vec();
        let figure = simd_json::serde::from_slice(&mut line)
            .map_err(|error| BenchError::Results(path.to_owned(), number, error.to_string()))?;
        figures.push(figure);
    }
    figures.retain(|figure| figure.ack_delay.unwrap_or(0) == 0);
    if figures.is_empty() {
        return Err(BenchError::Results(path.to_owned(), 1, "there are no results".into()));
    }
    Ok(figures)
}

impl Figure {
    fn label(&self) -> String {
        let policy = self.policy.as_ref().map_or(String::new(), |policy| format!(" {policy}"));
        escape(&format!("{}{policy}", self.codec))
    }

    fn worth(&self) -> String {
        let bytes = if self.bytes_per_frame < 10_000.0 {
            format!("{:.2} kB", self.bytes_per_frame / 1e3)
        } else {
            format!("{:.0} kB", self.bytes_per_frame / 1e3)
        };
        match self.psnr_screen_db {
            None => format!("{bytes}, exact"),
            Some(db) => format!("{bytes}, {db:.1} dB, {:.0} % exact", self.exact_share * 100.0),
        }
    }
}

/// `text` as the content of an element.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Sizes in the units of the picture.
const LABEL_WIDTH: f64 = 200.0;
const BAR_WIDTH: f64 = 330.0;
const WORTH_WIDTH: f64 = 190.0;
const BAR_HEIGHT: f64 = 18.0;
const TOP: f64 = 48.0;

/// Bytes at which a bar has no length: a tenth of a packet's header says nothing in a plot.
const LEAST_BYTES: f64 = 10.0;

fn draw(clip: &str, bars: &[&Figure]) -> String {
    let most = bars.iter().map(|bar| bar.bytes_per_frame).fold(LEAST_BYTES * 10.0, f64::max);
    let decades = (most / LEAST_BYTES).log10().ceil();
    let length = |bytes: f64| (bytes / LEAST_BYTES).max(1.0).log10() / decades * BAR_WIDTH;
    let width = LABEL_WIDTH + BAR_WIDTH + WORTH_WIDTH;
    let height = TOP + bars.len() as f64 * BAR_HEIGHT + 12.0;
    let foot = height - 8.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"14\">{}: bytes per frame after the first, logarithmic</text>\n",
        escape(clip)
    );
    // Writing to a string cannot fail.
    for decade in 0..=decades as i32 {
        let bytes = LEAST_BYTES * 10_f64.powi(decade);
        let x = LABEL_WIDTH + length(bytes);
        let label = if bytes < 1e3 { format!("{bytes} B") } else { format!("{} kB", bytes / 1e3) };
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {} V{foot:.1}\" stroke=\"#ddd\"/><text x=\"{x:.1}\" y=\"{}\" \
             text-anchor=\"middle\" fill=\"#666\">{label}</text>",
            TOP - 6.0,
            TOP - 10.0
        );
    }
    for (bar, at) in bars.iter().zip(0..) {
        let y = TOP + f64::from(at) * BAR_HEIGHT;
        let colour = if bar.policy.is_some() { "#0a6e5c" } else { "#9aa4ad" };
        let length = length(bar.bytes_per_frame);
        let base = y + BAR_HEIGHT - 6.0;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABEL_WIDTH}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"{:.1}\" \
             fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{base:.1}\">{}</text>",
            LABEL_WIDTH - 6.0,
            bar.label(),
            y + 2.0,
            BAR_HEIGHT - 5.0,
            LABEL_WIDTH + length + 5.0,
            bar.worth()
        );
    }
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"{"clip":"a<b","codec":"tessera","policy":"exact","ack_delay":0,"bytes_per_frame":100,"exact_share":1,"psnr_screen_db":null,"more":[1]}
{"clip":"a<b","codec":"tessera","policy":"exact","ack_delay":3,"bytes_per_frame":100,"exact_share":1,"psnr_screen_db":null}
{"clip":"a<b","codec":"x264","policy":null,"ack_delay":null,"bytes_per_frame":10000,"exact_share":0.5,"psnr_screen_db":41.23}
"#;

    #[test]
    fn bars_are_as_long_as_their_logarithms() {
        let figures = parse(Path::new("results"), LINES).expect("results");
        assert_eq!(figures.len(), 2, "a delay is not drawn");
        let svg = draw("a<b", &figures.iter().collect::<Vec<_>>());
        assert!(svg.contains("width=\"110.0\"") && svg.contains("width=\"330.0\""), "{svg}");
        assert!(
            svg.contains("10 kB, 41.2 dB, 50 % exact") && svg.contains("0.10 kB, exact"),
            "{svg}"
        );
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"));
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = parse(Path::new("results"), "{}\n").expect_err("no result").to_string();
        assert!(error.contains("results") && error.contains("line 1"), "{error}");
    }
}
