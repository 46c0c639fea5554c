//! Named moments at which a test can have the process die, as `kill -9` would have it. There are none in a release.
//!
//! It knows nothing of what happens at them.

#[cfg(debug_assertions)]
static ARMED: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// All moments, in the order in which a run comes by them.
pub const ALL: [&str; 11] = [
    "begun",
    "gathered",
    "staged",
    "written",
    "sealed",
    "kept",
    "prepared",
    "uploaded",
    "placed",
    "published",
    "committed",
];

/// Has the process die when it comes to the moment `name`.
#[cfg(debug_assertions)]
pub fn arm(name: String) {
    let _ = ARMED.set(name);
}

/// Dies, if this is the moment.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn pass(name: &'static str) {
    debug_assert!(ALL.contains(&name), "`{name}` is no moment");
    #[cfg(debug_assertions)]
    if ARMED.get().is_some_and(|armed| armed == name) {
        // No destructor runs.
        std::process::abort();
    }
}
