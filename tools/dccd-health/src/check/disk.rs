//! How much room there is, and how long it lasts.

use std::path::Path;

use dccd_record::{Dataset, Kind, Range, Ts};
use dccd_store::{Layout, Period, StoreError};
use rustix::fs::statvfs;

use super::series::Series;

/// So many whole days tell how fast a dataset grows.
const DAYS: i64 = 7;
const DAY_NANOS: i64 = 86_400 * 1_000_000_000;

/// The disk that the store lies on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Disk {
    /// What a user who is not root may still write.
    pub(crate) free_bytes: u64,
    pub(crate) total_bytes: u64,
    /// What published files take.
    pub(crate) stored_bytes: u64,
    /// What a day of data takes, at the rate of the last days.
    pub(crate) growth_bytes: u64,
}

impl Disk {
    /// Days until nothing is free; `None` if nothing grows.
    pub(crate) fn days_left(&self) -> Option<u64> {
        self.free_bytes.checked_div(self.growth_bytes)
    }
}

/// What is free at `root`, and what the store takes there.
pub(crate) fn measure(root: &Path, series: &[Series], now: Ts) -> Result<Disk, StoreError> {
    let layout = Layout::new(root);
    let (mut stored_bytes, mut growth_bytes) = (0_u64, 0_u64);
    for series in series {
        let sizes = sizes(&layout, &series.dataset)?;
        stored_bytes = sizes.iter().fold(stored_bytes, |sum, (_, bytes)| sum.saturating_add(*bytes));
        let recent = Range::new(now.saturating_add(-DAYS * DAY_NANOS), now);
        if let Some(covered) =
            series.covered.filter(|covered| recent.is_some_and(|recent| recent.intersect(*covered).is_some()))
        {
            growth_bytes = growth_bytes.saturating_add(growth(series.dataset.kind(), &sizes, covered.start(), now));
        }
    }
    let disk = Disk { stored_bytes, growth_bytes, ..free(root)? };
    Ok(disk)
}

fn free(root: &Path) -> Result<Disk, StoreError> {
    let found = statvfs(root).map_err(|cause| StoreError::Io {
        action: "ask for the free space of",
        path: root.to_owned(),
        cause: cause.into(),
    })?;
    Ok(Disk {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
        ..Disk::default()
    })
}

/// The published files of a dataset, oldest first.
fn sizes(layout: &Layout, dataset: &Dataset) -> Result<Vec<(Period, u64)>, StoreError> {
    let size = |period| {
        // One that is gone by now was replaced or purged a moment ago.
        let found = std::fs::metadata(layout.file(dataset, period)).ok()?;
        Some((period, found.len()))
    };
    Ok(layout.periods(dataset)?.into_iter().filter_map(size).collect())
}

/// Bytes that a day of data takes: the mean of the last whole days for files of days, and for files of years of the
/// current year as far as it is covered.
fn growth(kind: Kind, sizes: &[(Period, u64)], begun: Ts, now: Ts) -> u64 {
    let current = Period::of(kind, now);
    match current {
        Period::Day(today) => {
            let recent = sizes.iter().filter_map(|(period, bytes)| match period {
                Period::Day(day) if (today - DAYS..today).contains(day) => Some((*day, *bytes)),
                _ => None,
            });
            let (first, bytes) =
                recent.fold((today, 0_u64), |(first, sum), (day, bytes)| (first.min(day), sum.saturating_add(bytes)));
            per_day(bytes, today - first)
        }
        Period::Year(_) => {
            let bytes = sizes.iter().find(|(period, _)| *period == current).map_or(0, |(_, bytes)| *bytes);
            let begun = begun.max(current.range().start());
            per_day(bytes, now.nanos().saturating_sub(begun.nanos()) / DAY_NANOS + 1)
        }
    }
}

fn per_day(bytes: u64, days: i64) -> u64 {
    bytes / u64::try_from(days.max(1)).unwrap_or(1)
}
