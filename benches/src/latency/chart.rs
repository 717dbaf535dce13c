//! Results as one SVG picture: for each network and measure a row, in it for each system a bar from the median to the
//! 99th percentile with a mark at the 95th, on a logarithmic scale of milliseconds.

use std::fmt::Write as _;

use super::report::{Line, Measure, Percentiles};

/// Left of the scale there is room for names, in pixels; above for the legend.
const NAMES: f64 = 190.0;
const LEGEND: f64 = 40.0;
const WIDTH: f64 = 900.0;
const BAR: f64 = 11.0;

/// Ends of the scale, in milliseconds.
const SCALE_MS: (f64, f64) = (1.0, 10_000.0);

/// Of the systems in the order of their first line.
const COLOURS: [&str; 4] = ["#1d6fa5", "#c8762b", "#5a9a4b", "#8a5aa0"];

/// One bar.
struct Bar<'a> {
    row: String,
    system: &'a str,
    delays: Percentiles,
}

/// Draws every measure that has a distribution.
pub(super) fn draw(lines: &[Line]) -> String {
    let bars: Vec<Bar<'_>> = lines.iter().filter_map(bar).collect();
    let mut systems: Vec<&str> = Vec::new();
    let mut rows: Vec<&str> = Vec::new();
    for bar in &bars {
        if !systems.contains(&bar.system) {
            systems.push(bar.system);
        }
        if !rows.contains(&bar.row.as_str()) {
            rows.push(&bar.row);
        }
    }
    let row_height = BAR * systems.len() as f64 + 10.0;
    let height = LEGEND + row_height * rows.len() as f64 + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    // Writing to a string cannot fail.
    for (number, system) in systems.iter().enumerate() {
        let x = NAMES + 110.0 * number as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"12\" width=\"14\" height=\"9\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"21\">{system}</text>",
            colour(number),
            x + 20.0
        );
    }
    grid(&mut svg, height);
    for (number, row) in rows.iter().enumerate() {
        let top = LEGEND + row_height * number as f64;
        let _ = writeln!(svg, "<text x=\"8\" y=\"{}\">{row}</text>", top + row_height / 2.0);
        for bar in bars.iter().filter(|bar| bar.row == *row) {
            let place = systems.iter().position(|it| *it == bar.system).unwrap_or_default();
            span(&mut svg, &bar.delays, top + BAR * place as f64, colour(place));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(line: &Line) -> Option<Bar<'_>> {
    let (name, delays) = match &line.measure {
        Measure::Change(delays) => ("32x32 change".into(), *delays),
        Measure::Key(delays) => ("key".into(), *delays),
        Measure::FullScreen(delays) => ("full screen".into(), *delays),
        Measure::Load(figures) => (figures.load.clone(), figures.delays),
        Measure::KeyUnderLoad { load, delays } => (format!("key, {load}"), *delays),
        Measure::Resume { outage_s, delays } => (format!("resume after {outage_s} s"), *delays),
        Measure::Join { .. }
        | Measure::Memory { .. }
        | Measure::BesideCubic { .. }
        | Measure::Missing { .. } => return None,
    };
    // A load under which nothing was seen has no distribution.
    (delays.measured > 0).then(|| Bar {
        row: format!("{}: {name}", line.profile),
        system: &line.system,
        delays,
    })
}

fn colour(system: usize) -> &'static str {
    COLOURS[system % COLOURS.len()]
}

fn place(ms: f64) -> f64 {
    let (first, last) = (SCALE_MS.0.log10(), SCALE_MS.1.log10());
    let part = (ms.clamp(SCALE_MS.0, SCALE_MS.1).log10() - first) / (last - first);
    NAMES + part * (WIDTH - NAMES - 60.0)
}

fn grid(svg: &mut String, height: f64) {
    for decade in 0..=4 {
        for step in [1.0, 2.0, 5.0] {
            let ms = 10_f64.powi(decade) * step;
            if ms > SCALE_MS.1 {
                continue;
            }
            let x = place(ms);
            let bottom = height - 22.0;
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{LEGEND}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{ms} ms</text>",
                height - 8.0
            );
        }
    }
}

fn span(svg: &mut String, delays: &Percentiles, top: f64, colour: &str) {
    let [p50, p95, p99] = [delays.p50_ms, delays.p95_ms, delays.p99_ms].map(place);
    let middle = top + BAR / 2.0;
    let _ = writeln!(
        svg,
        "<line x1=\"{p50:.1}\" x2=\"{p99:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"{colour}\" stroke-width=\"3\"/>\
         <circle cx=\"{p50:.1}\" cy=\"{middle}\" r=\"4\" fill=\"{colour}\"/>\
         <line x1=\"{p95:.1}\" x2=\"{p95:.1}\" y1=\"{top}\" y2=\"{}\" stroke=\"{colour}\" stroke-width=\"2\"/>\
         <text x=\"{:.1}\" y=\"{}\" font-size=\"10\" fill=\"{colour}\">{:.1}</text>",
        top + BAR,
        p99 + 7.0,
        middle + 4.0,
        delays.p50_ms
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(system: &str, p50_ms: f64) -> Line {
        let delays =
            Percentiles { measured: 3, p50_ms, p95_ms: p50_ms * 2.0, p99_ms: p50_ms * 3.0 };
        Line { system: system.into(), profile: "lan".into(), measure: Measure::Change(delays) }
    }

    #[test]
    fn each_system_has_a_bar_and_what_is_slower_stands_further_right() {
        let svg = draw(&[line("fast", 2.0), line("slow", 20.0)]);
        assert_eq!(svg.matches("<circle").count(), 2);
        let places: Vec<f64> = svg
            .split("cx=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next()?.parse().ok())
            .collect();
        assert!(places[0] < places[1], "{places:?}");
        assert!(svg.contains(">fast<") && svg.contains(">slow<") && svg.contains("lan: 32x32"));
    }
}
