//! What it means when the writer under an encoder, or the library that writes to it, fails.

use std::error::Error as StdError;
use std::io;

use crate::error::Error;

/// The error of an encoder for a failure `cause` below it: of the writer, perhaps wrapped by a library, or of the
/// library itself.
pub(super) fn cannot_write(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    let cause = cause.into();
    match io_cause(cause.as_ref()) {
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Error::ClosedPipe,
        Some(error) => {
            let failure = Error::machine("cannot write the result");
            // What the system said, without the words of the libraries that it went through.
            match error.raw_os_error() {
                Some(code) => failure.with_source(io::Error::from_raw_os_error(code)),
                None => failure.with_source(cause),
            }
        }
        None => Error::internal("cannot encode the result").with_source(cause),
    }
}

/// The I/O error that `error` is or comes from.
pub(super) fn io_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        let Some(io) = error.downcast_ref::<io::Error>() else {
            next = error.source();
            continue;
        };
        // One that wraps another error reports that error's source as its own, and so hides the error itself.
        return io.get_ref().and_then(|inner| io_cause(inner)).or(Some(io));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::error::ArrowError;
    use datafusion::parquet::errors::ParquetError;

    #[test]
    fn a_closed_pipe_is_found_under_wrappers() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        let wrapped: [Box<dyn StdError + Send + Sync>; 5] = [
            Box::new(pipe()),
            Box::new(io::Error::other(pipe())),
            Box::new(ArrowError::from(pipe())),
            Box::new(ParquetError::from(pipe())),
            Box::new(ParquetError::from(ArrowError::from(io::Error::other(ParquetError::from(pipe()))))),
        ];
        for cause in wrapped {
            let shown = format!("{cause:?}");
            assert!(matches!(cannot_write(cause), Error::ClosedPipe), "{shown}");
        }
    }

    #[test]
    fn other_failures_are_told_apart() {
        assert_eq!(cannot_write(io::Error::from(io::ErrorKind::StorageFull)).kind(), "machine");
        let full = ArrowError::from(io::Error::from_raw_os_error(28));
        assert_eq!(cannot_write(full).chain(), "cannot write the result: No space left on device (os error 28)");
        assert_eq!(cannot_write(ArrowError::ComputeError("odd".into())).kind(), "internal");
    }
}
