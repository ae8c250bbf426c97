//! When something runs by itself.

use dccd_cli::Zone;
use dccd_cli::config::{Cron, Schedule};

use crate::calendar;

/// No run begins later than this after it was due.
const SPREAD_SECS_MAX: u64 = 300;

/// A schedule, and how much later than it says a run may begin, so that not all begin at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    schedule: Schedule,
    /// In which a cron expression is read, as the time zone database spells it; `None` is the host's own.
    zone: Option<String>,
}

impl Timing {
    /// That of a job; `None` if it runs by hand only.
    pub(crate) fn of(schedule: &Schedule, zone: &Zone) -> Option<Timing> {
        match schedule {
            Schedule::Manual => None,
            Schedule::Every(_) | Schedule::Cron(_) => {
                Some(Timing { schedule: schedule.clone(), zone: database_name(zone.name()) })
            }
        }
    }

    /// Once in so many seconds.
    pub(crate) fn every(secs: u64) -> Timing {
        Timing { schedule: Schedule::Every(secs.max(1)), zone: None }
    }

    /// The lines of a `[Timer]` section.
    pub(crate) fn timer_lines(&self) -> String {
        let spread = self.spread_secs();
        let calendar = match &self.schedule {
            Schedule::Every(secs) => calendar::of_interval(*secs),
            Schedule::Cron(cron) => Some(calendar::of_cron(cron, self.zone.as_deref())),
            Schedule::Manual => Some(Vec::new()),
        };
        // What the template says is taken back first.
        let mut lines = "OnCalendar=\n".to_owned();
        match calendar {
            Some(texts) => texts.iter().for_each(|text| lines.push_str(&format!("OnCalendar={text}\n"))),
            None => {
                let secs = self.secs().unwrap_or(1);
                lines.push_str(&format!("OnActiveSec=0\nOnUnitActiveSec={secs}s\n"));
            }
        }
        lines.push_str(&format!("RandomizedDelaySec={spread}s\n"));
        lines
    }

    /// The arguments of each snooze that it takes, and the zone to run it in.
    pub(crate) fn snooze(&self) -> (Vec<Vec<String>>, Option<&str>) {
        match &self.schedule {
            Schedule::Cron(cron) => (calendar::for_snooze(cron), self.zone.as_deref()),
            _ => {
                let wait = format!("-T{}", self.secs().unwrap_or(1));
                (vec![["-H*", "-M*", "-S*"].into_iter().map(str::to_owned).chain([wait]).collect()], None)
            }
        }
    }

    /// A tenth of the time between two runs; of cron expressions, whose times somebody chose, a minute at most.
    pub(crate) fn spread_secs(&self) -> u64 {
        match &self.schedule {
            Schedule::Every(secs) => (secs / 10).min(SPREAD_SECS_MAX),
            _ => 30,
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let zone = || self.zone.as_ref().map_or_else(String::new, |zone| format!(" {zone}"));
        match &self.schedule {
            Schedule::Every(secs) => format!("every {}", duration(*secs)),
            Schedule::Cron(cron) => format!("cron {}{}", one_spaced(cron), zone()),
            Schedule::Manual => "by hand".to_owned(),
        }
    }

    fn secs(&self) -> Option<u64> {
        match &self.schedule {
            Schedule::Every(secs) => Some(*secs),
            _ => None,
        }
    }
}

fn one_spaced(cron: &Cron) -> String {
    cron.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `1h`, `90m`, `45s`: the largest unit that leaves nothing over.
fn duration(secs: u64) -> String {
    let units = [(604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m")];
    let found = units.iter().find(|(unit, _)| secs.is_multiple_of(*unit));
    found.map_or_else(|| format!("{secs}s"), |(unit, name)| format!("{}{name}", secs / unit))
}

/// The name of a zone with its capitals, which a configuration need not have; `None` for the host's own.
fn database_name(name: &str) -> Option<String> {
    match name.to_ascii_lowercase().as_str() {
        "local" => None,
        "utc" => Some("UTC".to_owned()),
        _ => {
            let found = jiff::tz::TimeZone::get(name).ok();
            Some(found.as_ref().and_then(jiff::tz::TimeZone::iana_name).unwrap_or(name).to_owned())
        }
    }
}
