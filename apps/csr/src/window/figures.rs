//! How a share is doing, in a line.

use std::time::Duration;

use tessera::{Figures, PathKind};

/// The line about `now`, with rates since `before`, which was `elapsed` ago.
pub(crate) fn line(before: &Figures, now: &Figures, elapsed: Duration, exact: bool) -> String {
    let a_second = |count: u64| count as f64 / elapsed.as_secs_f64().max(0.001);
    let ms = |us: u64| us as f64 / 1000.0;
    let pictures = a_second(now.frames.saturating_sub(before.frames));
    let bytes = a_second(now.bytes.saturating_sub(before.bytes));
    let path = match now.path {
        Some(PathKind::Direct) => "direct",
        Some(PathKind::Relay) => "through a relay",
        Some(PathKind::Tunnel) => "through a tunnel",
        None => "no path",
    };
    let exact = if exact { "exact" } else { "not exact yet" };
    format!(
        "latency {:.0} ms (95 of 100: {:.0}), round trip {:.1} ms, {pictures:.0} pictures/s, {}, {path}, {exact}",
        ms(now.latency_p50_us),
        ms(now.latency_p95_us),
        ms(now.rtt_us),
        rate(bytes),
    )
}

fn rate(bytes_a_second: f64) -> String {
    match bytes_a_second {
        it if it >= 1e6 => format!("{:.1} MB/s", it / 1e6),
        it => format!("{:.0} kB/s", it / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_time_between() {
        let feed = tessera::view::feed(tessera::Size::new(1, 1));
        let none = feed.1.figures();
        let told = line(&none, &none, Duration::from_secs(2), true);
        assert!(told.contains("0 pictures/s, 0 kB/s, no path, exact"), "{told}");
        assert_eq!((rate(2_340_000.0), rate(41_499.0)), ("2.3 MB/s".into(), "41 kB/s".into()));
    }
}
