//! How far a statement is, for whoever shows it. It draws nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datafusion::physical_plan::ExecutionPlan;

use super::report::ScanReport;
use crate::ndjson::survey::Watch;
use crate::windows::NULL_EVENT_TIMES;

/// Counts of a statement under way, shared between who does it and who shows it.
#[derive(Debug, Default)]
pub struct Progress {
    watch: Arc<Watch>,
    to_read: AtomicU64,
    rows: AtomicU64,
    plan: Mutex<Option<Arc<dyn ExecutionPlan>>>,
}

/// A moment of [`Progress`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes read or passed over so far, in the survey and then in the scan.
    pub bytes: u64,
    /// Bytes to read in all, as far as is known.
    pub bytes_total: u64,
    /// Lines read so far.
    pub lines: u64,
    /// Rows of the result written so far.
    pub rows: u64,
}

impl Progress {
    /// The part that surveys report to.
    pub fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }

    pub(super) fn plans_to_read(&self, bytes: u64) {
        self.to_read.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn runs(&self, plan: Arc<dyn ExecutionPlan>) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
    }

    pub(super) fn wrote(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// How far it is now.
    pub fn snapshot(&self) -> Snapshot {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let scanned = |name| plan.as_deref().map_or(0, |plan| total(plan, name));
        let surveyed = self.watch.bytes.load(Ordering::Relaxed);
        let to_survey = self.watch.bytes_total.load(Ordering::Relaxed);
        // Until the scan is planned, it will read what is being surveyed.
        let to_scan = self.to_read.load(Ordering::Relaxed).max(to_survey);
        Snapshot {
            bytes: surveyed + scanned("bytes_scanned") + scanned("bytes_skipped"),
            bytes_total: to_survey + to_scan,
            lines: self.watch.lines.load(Ordering::Relaxed) + scanned("lines"),
            rows: self.rows.load(Ordering::Relaxed),
        }
    }
}

impl Progress {
    /// What the scans of the plan that runs have done so far.
    pub(super) fn scanned(&self) -> ScanReport {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sum = |name| plan.as_deref().map_or(0, |plan| total(plan, name));
        let seconds = |name| Duration::from_nanos(sum(name)).as_secs_f64();
        ScanReport {
            bytes: sum("bytes_scanned"),
            bytes_skipped: sum("bytes_skipped"),
            lines: sum("lines"),
            lines_careful: sum("lines_careful"),
            seconds_reading: seconds("time_reading"),
            seconds_parsing: seconds("time_parsing"),
            seconds_decoding: seconds("time_decoding"),
        }
    }

    /// Rows that belonged to no window so far, for want of an event time.
    pub fn null_event_times(&self) -> u64 {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
        plan.as_deref().map_or(0, |plan| total(plan, NULL_EVENT_TIMES))
    }
}

/// A metric of a plan's steps, added up.
fn total(plan: &dyn ExecutionPlan, name: &str) -> u64 {
    let here = plan.metrics().and_then(|metrics| metrics.sum_by_name(name)).map_or(0, |value| value.as_usize() as u64);
    plan.children().iter().fold(here, |sum, child| sum + total(child.as_ref(), name))
}
