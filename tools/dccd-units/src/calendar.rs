//! Times of cron in the words of systemd and of snooze.

use dccd_cli::config::Cron;

/// A field with its first and last value.
const MINUTES: (u32, u32) = (0, 59);
const HOURS: (u32, u32) = (0, 23);
const DAYS: (u32, u32) = (1, 31);
const MONTHS: (u32, u32) = (1, 12);
const WEEKDAYS: (u32, u32) = (0, 6);
const WEEKDAY_NAMES: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// `OnCalendar=` values, whose union is when the cron expression is; `zone` as systemd names it, if not the host's own.
pub(crate) fn of_cron(cron: &Cron, zone: Option<&str>) -> Vec<String> {
    let text = |days: &Days| {
        let mut text = String::new();
        if let Some(weekdays) = days.weekdays {
            let names = WEEKDAY_NAMES.iter().zip(WEEKDAYS.0..).filter(|(_, day)| weekdays >> day & 1 == 1);
            text.push_str(&names.map(|(name, _)| *name).collect::<Vec<_>>().join(","));
            text.push(' ');
        }
        let list = |set, bounds| list(set, bounds, "..");
        text.push_str(&format!(
            "*-{}-{} {}:{}:00",
            list(cron.months(), MONTHS),
            days.days.map_or_else(|| "*".to_owned(), |days| list(days, DAYS)),
            list(cron.hours(), HOURS),
            list(cron.minutes(), MINUTES)
        ));
        in_zone(text, zone)
    };
    either_days(cron).iter().map(text).collect()
}

/// `OnCalendar=` values at which so many seconds have passed since midnight in UTC, again and again; `None` if a day is
/// no multiple of them.
pub(crate) fn of_interval(secs: u64) -> Option<Vec<String>> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 3600;
    const DAY: u64 = 86_400;
    const WEEK: u64 = 604_800;
    let texts = match secs {
        WEEK => vec!["Mon *-*-* 00:00:00".to_owned()],
        DAY => vec!["*-*-* 00:00:00".to_owned()],
        1 => vec!["*-*-* *:*:*".to_owned()],
        2..MINUTE if MINUTE.is_multiple_of(secs) => vec![format!("*-*-* *:*:00/{secs}")],
        MINUTE => vec!["*-*-* *:*:00".to_owned()],
        HOUR => vec!["*-*-* *:00:00".to_owned()],
        _ if secs > 0 && secs.is_multiple_of(HOUR) && DAY.is_multiple_of(secs) => {
            vec![format!("*-*-* 00/{}:00:00", secs / HOUR)]
        }
        _ if secs > 0 && secs.is_multiple_of(MINUTE) && HOUR.is_multiple_of(secs) => {
            vec![format!("*-*-* *:00/{}:00", secs / MINUTE)]
        }
        _ if secs > 0 && secs.is_multiple_of(MINUTE) && DAY.is_multiple_of(secs) => minutes_of_day(secs / MINUTE),
        _ => return None,
    };
    Some(texts.into_iter().map(|text| in_zone(text, Some("UTC"))).collect())
}

/// One value for each minute of an hour that is met, with the hours in which it is.
fn minutes_of_day(step: u64) -> Vec<String> {
    let mut texts = Vec::new();
    for minute in 0..60 {
        let hours: u64 =
            (0..24_u64).filter(|hour| (hour * 60 + minute).is_multiple_of(step)).map(|hour| 1 << hour).sum();
        if hours != 0 {
            texts.push(format!("*-*-* {}:{minute:02}:00", list(hours, HOURS, "..")));
        }
    }
    texts
}

/// Arguments of snooze, one list for each process that it takes: it knows no either-or of days.
pub(crate) fn for_snooze(cron: &Cron) -> Vec<Vec<String>> {
    let args = |days: &Days| {
        let weekdays = days.weekdays.map(|weekdays| format!("-w{}", list(weekdays, WEEKDAYS, "-")));
        let days = days.days.map(|days| format!("-d{}", list(days, DAYS, "-")));
        let rest = [
            format!("-m{}", list(cron.months(), MONTHS, "-")),
            format!("-H{}", list(cron.hours(), HOURS, "-")),
            format!("-M{}", list(cron.minutes(), MINUTES, "-")),
        ];
        weekdays.into_iter().chain(days).chain(rest).collect()
    };
    either_days(cron).iter().map(args).collect()
}

/// Days on which something runs, which both fields have to name; `None` is every day.
struct Days {
    weekdays: Option<u64>,
    days: Option<u64>,
}

/// One entry, or two of which either is enough.
fn either_days(cron: &Cron) -> Vec<Days> {
    let weekdays = Some(cron.weekdays()).filter(|set| !is_all(*set, WEEKDAYS));
    let days = Some(cron.days()).filter(|set| !is_all(*set, DAYS));
    if cron.is_either_day() {
        // Where one of them is every day, so is the union.
        match (weekdays, days) {
            (Some(_), Some(_)) => vec![Days { weekdays, days: None }, Days { weekdays: None, days }],
            _ => vec![Days { weekdays: None, days: None }],
        }
    } else {
        vec![Days { weekdays, days }]
    }
}

fn is_all(set: u64, (first, last): (u32, u32)) -> bool {
    (first..=last).all(|value| set >> value & 1 == 1)
}

/// The values of a set, neighbours as ranges.
fn list(set: u64, (first, last): (u32, u32), to: &str) -> String {
    if is_all(set, (first, last)) {
        return "*".to_owned();
    }
    let mut parts = Vec::new();
    let mut value = first;
    while value <= last {
        let from = value;
        while value <= last && set >> value & 1 == 1 {
            value += 1;
        }
        match value - from {
            0 => value += 1,
            1 => parts.push(format!("{from}")),
            _ => parts.push(format!("{from}{to}{}", value - 1)),
        }
    }
    parts.join(",")
}

fn in_zone(mut text: String, zone: Option<&str>) -> String {
    if let Some(zone) = zone {
        text.push(' ');
        text.push_str(zone);
    }
    text
}
