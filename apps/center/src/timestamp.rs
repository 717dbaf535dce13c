//! Points in time as an operator reads them.

const S_PER_DAY: i64 = 86_400;

/// Seconds since the Unix epoch as RFC 3339 in UTC, for years 0 to 9999.
///
/// The calendar is Howard Hinnant's `civil_from_days`, <https://howardhinnant.github.io/date_algorithms.html>:
/// years start in March, so that the leap day is a year's last.
pub(crate) fn rfc3339(epoch_s: i64) -> String {
    let days_since_0000_03_01 = epoch_s.div_euclid(S_PER_DAY) + 719_468;
    let era = days_since_0000_03_01.div_euclid(146_097);
    let day_of_era = days_since_0000_03_01.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let second_of_day = epoch_s.rem_euclid(S_PER_DAY);
    let (hour, minute, second) =
        (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    /// Expected values from `date --utc --iso-8601=seconds --date=@N`.
    #[test]
    fn known_points_in_time() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
    }
}
