//! The results as bars.

use std::fmt::Write;

use super::{Line, offload_name};

const WIDTH: f64 = 640.0;
const BAR: f64 = 22.0;
const LEFT: f64 = 200.0;

/// One bar for each system and setting: the rate without loss.
pub(super) fn draw(lines: &[Line]) -> String {
    let most = lines.iter().map(|line| line.loss_free_mbit_s).fold(1.0, f64::max);
    let height = 40.0 + lines.len() as f64 * (BAR + 10.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"14\">Forwarded without loss, packets of 1,200 bytes, one core</text>\n"
    );
    for (line, index) in lines.iter().zip(0_u32..) {
        let top = 34.0 + f64::from(index) * (BAR + 10.0);
        let width = (WIDTH - LEFT - 100.0) * line.loss_free_mbit_s / most;
        let colour = if line.system == "tessera" { "#2a6fbb" } else { "#999" };
        let base = top + BAR * 0.7;
        // Writing to a String cannot fail.
        let _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{base}\">{} {}</text><rect x=\"{LEFT}\" y=\"{top}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{base}\">{:.0} Mbit/s</text>",
            line.system,
            offload_name(line.offload),
            LEFT + width + 6.0,
            line.loss_free_mbit_s,
        );
    }
    svg.push_str("</svg>\n");
    svg
}
