//! An operator that lives through whole years, and looks only when it has asked to.

use serde_json::json;

use super::{Cluster, at, run_at};

/// The number of runs between two times.
fn runs(schedule: &str, zone: &str, from: &str, until: &str) -> usize {
    let mut cluster = Cluster::new(json!({ "schedule": schedule, "timeZone": zone }));
    cluster.live(at(from), at(until));
    cluster.names().len()
}

#[test]
fn a_year_of_a_schedule_makes_a_run_for_each_time() {
    let (from, until) = ("2027-12-31T12:30:00Z", "2028-12-31T12:30:00Z");
    for zone in [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
    ] {
        for (schedule, expected) in [
            ("30 2 * * *", 366),
            ("0 1 * * *", 366),
            ("@weekly", 53),
            ("@monthly", 12),
            ("0 3 29 2 *", 1),
            ("0 3 31 * *", 7),
        ] {
            assert_eq!(runs(schedule, zone, from, until), expected, "{schedule} in {zone}");
        }
    }
    // The hour that a change of the clock leaves out is the moment after it, and a doubled one comes once.
    let hours = 366 * 24;
    assert_eq!(runs("@hourly", "Etc/UTC", from, until), hours);
    assert_eq!(runs("@hourly", "Europe/Berlin", from, until), hours - 1);
}

#[test]
fn a_leap_day_is_not_made_up_for() {
    let mut cluster = Cluster::new(json!({ "schedule": "0 3 29 2 *" }));
    cluster.live(at("2025-01-01T00:00:00Z"), at("2033-01-01T00:00:00Z"));
    assert_eq!(
        cluster.names(),
        [run_at("2028-02-29T03:00:00Z"), run_at("2032-02-29T03:00:00Z")]
    );
}
