//! The one place that reads the system's clock, so that nothing else depends on when it runs.
//!
//! It knows nothing of time zones or schedules: instants are UTC.

use chrono::{DateTime, Utc};

/// The present instant, UTC.
#[expect(clippy::disallowed_methods, reason = "this is the place that the lint sends everyone to")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
