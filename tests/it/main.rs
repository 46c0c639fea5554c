//! Tests of the binary as a person meets it, in one program: each further one would link the engine again.

mod generate;
mod sources;
