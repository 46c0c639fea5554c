//! Object stores that speak S3: what `s3://bucket/key` names, listed, read by ranges and written.
//!
//! | what | file |
//! |---|---|
//! | names | `location` |
//! | one client per bucket, by what the environment says, and the threads that wait for the network | `client` |
//! | objects as they are listed, and their bytes, asked for ahead of whoever reads | `object`, `reader` |
//! | uploads, and what is left of those that were not finished | `upload` |
//! | folders of which a manifest says what they hold | `manifest` |
//! | what went wrong, in words | `fault` |
//!
//! The environment is read here, and nowhere else below `cli`: credentials and endpoints are in `AWS_…`, as for the AWS tools.
//! Nothing goes over the network before somebody asks for an object. It knows nothing of lines, results or runs.

mod client;
mod fault;
mod location;
mod manifest;
mod object;
mod reader;
mod upload;

pub use client::{aside, wait};
pub use location::Location;
pub use manifest::{Entry, MANIFEST, Manifest, Published, published};
pub use object::{Object, find, list, manifest, objects, read};
pub use reader::Reader;
pub use upload::{Sent, abort, remove_below, send, write};
