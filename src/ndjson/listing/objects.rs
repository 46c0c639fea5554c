//! Patterns that name objects of a store: `s3://bucket/` and a pattern of its names, by the rules for files.
//!
//! A store has no folders: all objects are listed whose names begin as the pattern does up to its first wildcard, and those are
//! taken that it means. Of a folder with a manifest the files are those that the manifest names. It asks for no bytes of events.

use std::path::Path;

use super::pattern::{Names, Pattern};
use crate::error::Result;
use crate::store::{self, Location, MANIFEST, Object};

/// The folder of objects that a pattern in a store starts from, and what it means there. `url` is what it all names.
pub(super) fn parse(url: &Location, text: &str) -> Result<(Location, Names)> {
    let bucket = url.with_key("");
    // Behind the scheme, its two slashes and the bucket.
    let names = text.splitn(4, '/').nth(3).unwrap_or_default().trim_start_matches('/');
    if names.is_empty() {
        return Ok((bucket, Names::Exactly));
    }
    let Pattern { fixed, names } = Pattern::parse(names)?;
    Ok((bucket.with_key(&fixed.to_string_lossy()), names))
}

/// The objects that a pattern means, now.
///
/// **Errors**: [`crate::error::Error::Input`] if the store does not say which there are.
pub(super) fn list(url: &Location, text: &str) -> Result<Vec<Object>> {
    let (folder, names) = parse(url, text)?;
    let everything = Pattern::everything_below();
    let below = match &names {
        Names::Exactly => {
            if !folder.key().is_empty()
                && let Some(object) = store::find(&folder)?
            {
                return Ok(vec![object]);
            }
            &everything
        }
        Names::Matching(below) => below,
    };
    let mut objects = files_of(store::list(&folder, below.max_depth > 1)?)?;
    objects.retain(|object| object.location.below(&folder).is_some_and(|name| below.means(Path::new(name))));
    Ok(objects)
}

/// Whether a pattern means this object, if it is there.
pub(super) fn names(url: &Location, text: &str, object: &Location) -> bool {
    let Ok((folder, names)) = parse(url, text) else { return false };
    let Some(name) = object.below(&folder).map(Path::new) else { return *object == folder };
    match names {
        Names::Exactly => Pattern::everything_below().means(name),
        Names::Matching(below) => below.means(name),
    }
}

/// The objects that are files: in a folder with a manifest those that it names.
fn files_of(mut objects: Vec<Object>) -> Result<Vec<Object>> {
    let is_manifest = |object: &&Object| object.location.name() == MANIFEST;
    let manifests: Vec<Location> = objects.iter().filter(is_manifest).map(|object| object.location.clone()).collect();
    let mut seen: Vec<Location> = Vec::new();
    for manifest in manifests {
        let folder = manifest.with_key(manifest.key().strip_suffix(MANIFEST).unwrap_or_default());
        if seen.iter().any(|outer| folder.below(outer).is_some()) {
            continue;
        }
        if let Some((object, manifest)) = store::read(&folder)? {
            objects.retain(|object| object.location.below(&folder).is_none());
            objects.extend(manifest.objects(&object, &folder));
            seen.push(folder);
        }
    }
    Ok(objects)
}
