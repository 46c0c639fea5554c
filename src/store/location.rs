//! The names of objects and of folders of objects: `s3://bucket/key`.
//!
//! It looks at names only, and asks no store.

use std::fmt;
use std::path::Path;

use crate::error::{Error, Result};

const SCHEME: &str = "s3";

/// An object, a folder of objects, or a whole bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    bucket: String,
    /// Without a slash at either end; empty for a whole bucket.
    key: String,
}

impl Location {
    /// What a text names; `None` if it is a path of a file system.
    ///
    /// **Errors**: [`Error::Request`] for a URL of another kind, one with a password in it, or without a bucket.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        let Some((scheme, rest)) = split(text) else { return Ok(None) };
        if scheme != SCHEME {
            return Err(Error::request(format!("`{scheme}://` names no store that is known here"))
                .with_hint("write s3://BUCKET/KEY; for another store that speaks S3, set AWS_ENDPOINT_URL, too"));
        }
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if Self::holds_secret(text) {
            return Err(Error::request("a URL of an object store has no user name or password in it")
                .with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and write s3://BUCKET/KEY"));
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if bucket.is_empty() || !bucket.bytes().all(is_name) {
            return Err(Error::request(format!("`{text}` names no bucket"))
                .with_hint("write s3://BUCKET/KEY; the name of a bucket has letters, digits, `.`, `-` and `_`"));
        }
        Ok(Some(Self { bucket: bucket.to_owned(), key: key.trim_matches('/').to_owned() }))
    }

    /// Whether a text is a URL with a user name or a password in it, which is not to be shown.
    pub fn holds_secret(text: &str) -> bool {
        split(text).is_some_and(|(_, rest)| rest.split('/').next().unwrap_or_default().contains('@'))
    }

    /// As [`Location::parse`], of a path.
    ///
    /// **Errors**: as there, and [`Error::Request`] if it is not UTF-8.
    pub fn of(path: &Path) -> Result<Option<Self>> {
        match path.to_str() {
            Some(text) => Self::parse(text),
            None => Ok(None),
        }
    }

    /// Whether a path is a URL, of whatever kind.
    pub fn is_url(path: &Path) -> bool {
        path.to_str().is_some_and(|text| split(text).is_some())
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Its name in the bucket.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The last part of its name.
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// What has this name in the same bucket.
    pub fn with_key(&self, key: &str) -> Self {
        Self { bucket: self.bucket.clone(), key: key.trim_matches('/').to_owned() }
    }

    /// What is called so in the folder that this is.
    pub fn join(&self, name: &str) -> Self {
        if self.key.is_empty() { self.with_key(name) } else { self.with_key(&format!("{}/{name}", self.key)) }
    }

    /// Its name within the folder `above`, if it is in there.
    pub fn below(&self, above: &Self) -> Option<&str> {
        if self.bucket != above.bucket || above.key.is_empty() {
            return Some(self.key.as_str()).filter(|_| self.bucket == above.bucket);
        }
        self.key.strip_prefix(&above.key)?.strip_prefix('/')
    }

    /// As the client wants it.
    ///
    /// **Errors**: [`Error::Request`] for a name that the client cannot send: with nothing between two slashes, `.` or `..`.
    pub(super) fn path(&self) -> Result<object_store::path::Path> {
        object_store::path::Path::parse(&self.key).map_err(|error| {
            Error::request(format!("`{self}` cannot be asked for"))
                .with_source(error)
                .with_hint("names of objects have no empty part, no `.`, no `..` and no control characters")
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}/{}", self.bucket, self.key)
    }
}

/// The scheme of a URL, and what follows.
fn split(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_scheme.then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(text: &str) -> Location {
        Location::parse(text).unwrap().unwrap()
    }

    #[test]
    fn urls_are_told_from_paths() {
        for path in ["inputs/*.out", "/a/b", "a:b", "://x", "./s3:/b", "1s://b"] {
            assert_eq!(Location::parse(path).unwrap(), None, "{path}");
        }
        let check = |text: &str, bucket: &str, key: &str| {
            let found = location(text);
            assert_eq!((found.bucket(), found.key()), (bucket, key), "{text}");
        };
        check("s3://b", "b", "");
        check("s3://b/", "b", "");
        check("s3://b/a/*.out", "b", "a/*.out");
        check("s3://my.bucket-1/a b/k=%2F/", "my.bucket-1", "a b/k=%2F");
    }

    #[test]
    fn what_is_no_object_is_refused_and_no_secret_is_told() {
        for text in ["gs://b/k", "https://x/y", "s3:///k", "s3://b:80/k", "s3://user:secret@b/k"] {
            let error = Location::parse(text).unwrap_err();
            assert_eq!(error.kind(), "request", "{text}");
            assert!(!error.chain().contains("secret"), "{}", error.chain());
            assert_eq!(Location::holds_secret(text), text.contains("secret"));
        }
        assert_eq!(location("s3://b/a//b").path().unwrap_err().kind(), "request");
        assert_eq!(location("s3://b/a/../b").path().unwrap_err().kind(), "request");
    }

    #[test]
    fn names_are_joined_and_taken_apart() {
        let folder = location("s3://b/out");
        assert_eq!(folder.join("q.json").to_string(), "s3://b/out/q.json");
        assert_eq!(location("s3://b").join("q").to_string(), "s3://b/q");
        assert_eq!(folder.join("k=1/x").below(&folder), Some("k=1/x"));
        assert_eq!(location("s3://b/outer/x").below(&folder), None);
        assert_eq!(location("s3://c/out/x").below(&folder), None);
        assert_eq!(location("s3://b/x").below(&location("s3://b")), Some("x"));
        assert_eq!(folder.join("a/q.json").name(), "q.json");
    }
}
