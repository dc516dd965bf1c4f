//! Cron schedules.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A schedule in a time zone.
pub(super) struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

impl Schedule {
    /// Parses a schedule of five fields or a name such as `@daily`; the default time zone is UTC, as in a cluster.
    pub(super) fn read(text: &str, zone: Option<&str>) -> Result<Self, String> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(text).map_err(|error| error.to_string())?;
        let zone = zone.map_or(Ok(TimeZone::UTC), TimeZone::get);
        let zone = zone.map_err(|error| error.to_string())?;
        Ok(Self { cron, zone })
    }

    /// A time in the schedule's zone.
    pub(super) fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    /// The last time at or before `now`.
    pub(super) fn last(&self, now: Timestamp) -> Option<Timestamp> {
        let found = self.cron.find_previous_occurrence(&self.zoned(now), true);
        found.ok().map(|time| time.timestamp())
    }

    /// The first time after `now`.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let found = self.cron.find_next_occurrence(&self.zoned(now), false);
        found.ok().map(|time| time.timestamp())
    }
}
