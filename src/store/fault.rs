//! What went wrong at a store, in words: which object, why, and what to do.
//!
//! The client's own errors repeat each other's words; here the cause is said once.

use std::error::Error as StdError;
use std::io;

use object_store::Error as Fault;

use super::Location;
use crate::error::Error;

/// The error for a failure to `act` (`read`, `list`, `write`) on `location`, made by `kind`.
pub(super) fn failure(fault: Fault, act: &str, location: &Location, kind: fn(String) -> Error) -> Error {
    let text = fault.to_string();
    let code = between(&text, "<Code>", "</Code>").unwrap_or_default().to_owned();
    let cannot = format!("cannot {act} `{location}`");
    if code == "NoSuchBucket" {
        return kind(format!("{cannot}: there is no bucket `{}`", location.bucket()))
            .with_hint("check its name, and whether AWS_ENDPOINT_URL and AWS_REGION are those of its store");
    }
    if text.contains("/latest/api/token") || text.contains("/latest/meta-data") {
        return kind(format!("{cannot}: there are no credentials"))
            .with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; this machine gives none by itself");
    }
    // What a listing was refused for is told by its text alone.
    let refusals = ["status code: 401", "status code: 403"];
    match fault {
        Fault::NotFound { .. } => kind(format!("{cannot}: there is no such object"))
            .with_hint("it may have been removed meanwhile; see what there is: aws s3 ls"),
        fault if is_refusal(&fault) || refusals.iter().any(|refusal| text.contains(refusal)) => {
            let code = if code.is_empty() { String::new() } else { format!(" ({code})") };
            kind(format!("{cannot}: the store refuses it{code}")).with_hint(
                "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and what their owner may do there",
            )
        }
        fault => other(&fault, &text, &code, cannot, kind),
    }
}

fn is_refusal(fault: &Fault) -> bool {
    matches!(fault, Fault::PermissionDenied { .. } | Fault::Unauthenticated { .. })
}

fn other(fault: &Fault, text: &str, code: &str, cannot: String, kind: fn(String) -> Error) -> Error {
    if text.contains("redirect") || code == "PermanentRedirect" || code == "AuthorizationHeaderMalformed" {
        return kind(format!("{cannot}: the bucket is in another region"))
            .with_hint("set AWS_REGION to that of the bucket");
    }
    let cause = innermost(fault);
    if cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused) {
        return kind(format!("{cannot}: nothing answers where the store should be"))
            .with_hint("is it running, and is AWS_ENDPOINT_URL its address?");
    }
    let cause = match between(text, "<Message>", "</Message>") {
        Some(message) if !code.is_empty() => format!("{message} ({code})"),
        _ => cause.to_string(),
    };
    kind(cannot).with_source(io::Error::other(cause)).with_hint("what was there is as it was; try again")
}

/// The error that all others only pass on.
fn innermost(fault: &Fault) -> &(dyn StdError + 'static) {
    let mut error: &(dyn StdError + 'static) = fault;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// A store's answer names its reason between two tags.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    text.split_once(open)?.1.split_once(close).map(|(inner, _)| inner)
}
