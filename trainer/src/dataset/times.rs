//! Times of complaints.

use complaint_contract::DatasetWarning;
use jiff::{Timestamp, civil, tz::TimeZone};

use super::{Dataset, DatasetError, FIELDS_OF_THE_LABEL};

/// Reads a time as seconds since 1970: a date, a date with a time, both with or without an offset (UTC then), or seconds. Dates
/// whose order of day and month can't be told are none.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    if let Ok(time) = text.parse::<civil::DateTime>() {
        return Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second());
    }
    // A number of fewer digits is a day like 20260301, or no time at all.
    let seconds: f64 = text.parse().ok().filter(|_| text.len() >= 9)?;
    let seconds = seconds.trunc() as i64;
    Timestamp::from_second(seconds).ok().map(Timestamp::as_second)
}

/// The month of a time, such as `2026-03` (UTC).
pub fn month(time: i64) -> String {
    let time = Timestamp::from_second(time).unwrap_or_default();
    time.strftime("%Y-%m").to_string()
}

/// Checks that at least half of the rows have a time, and warns of those that have none: they are never held out.
///
/// # Errors
/// [`DatasetError::NoUsableRows`].
pub fn check(dataset: &mut Dataset, name: &str) -> Result<(), DatasetError> {
    let (rows, without) = (
        dataset.rows.len(),
        dataset.rows.iter().filter(|row| row.time.is_none()).count(),
    );
    if without * 2 > rows {
        return Err(DatasetError::NoUsableRows {
            name: name.to_owned(),
            records: dataset.counts.records,
            problem: format!(
                "{without} of {rows} rows have no time in dataset.timeField that can be read, and the classifier's \
                 evaluation.split is Time: write times as 2026-03-01, as 2026-03-01T10:00:00Z, or in seconds since 1970"
            ),
            setting: FIELDS_OF_THE_LABEL,
        });
    }
    if without > 0 {
        dataset.warnings.push(DatasetWarning::new(
            "RowsWithoutTime",
            format!(
                "{without} of {rows} rows have no time in dataset.timeField that can be read: they are trained on, and never held \
                 out. Write times as 2026-03-01, as 2026-03-01T10:00:00Z, or in seconds since 1970"
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_that_can_be_told_apart() {
        let day = Some(1_772_323_200);
        for text in [
            "2026-03-01",
            " 2026-03-01 ",
            "2026-03-01T00:00:00Z",
            "2026-03-01 00:00:00",
            "1772323200",
            "1772323200.5",
        ] {
            assert_eq!(parse(text), day, "{text}");
        }
        assert_eq!(parse("2026-03-01T02:00:00+02:00"), day);
        for text in [
            "",
            "03/01/2026",
            "1.3.2026",
            "yesterday",
            "2026",
            "3",
            "NaN",
            "2026-13-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(month(1_772_323_200), "2026-03");
    }
}
