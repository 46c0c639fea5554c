//! The `tidemill` binary. What was typed is understood in `tidemill::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidemill::cli::main()
}
