//! Times and ages, as kubectl shows them.

use jiff::{SignedDuration, Timestamp};

/// The time in whole seconds, in UTC.
pub(crate) fn instant(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// How long ago `time` was.
pub(crate) fn age(time: Timestamp, now: Timestamp) -> String {
    span(now.duration_since(time))
}

/// `in 3d` or `2h ago`.
pub(crate) fn when(time: Timestamp, now: Timestamp) -> String {
    if time > now {
        format!("in {}", span(time.duration_since(now)))
    } else {
        format!("{} ago", age(time, now))
    }
}

/// A length of time in one or two units.
pub(crate) fn span(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |big: i64, unit: &str, small: i64, less: &str| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit}{small}{less}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_or_two_units() {
        for (seconds, expected) in [
            (-5, "0s"),
            (119, "119s"),
            (200, "3m20s"),
            (240, "4m"),
            (5_700, "95m"),
            (11_100, "3h5m"),
            (93_600, "26h"),
            (270_000, "3d3h"),
            (864_000, "10d"),
            (94_608_000, "3y"),
        ] {
            assert_eq!(span(SignedDuration::from_secs(seconds)), expected, "{seconds}");
        }
    }
}
