//! Tests that run the tools together, one module per theme.

mod adopt;
mod bad_lines;
mod crash;
mod disk;
mod files;
mod harness;
mod pipes;
mod tidy;
