//! Tests that run the tools together, one module per theme.

mod bad_lines;
mod crash;
mod files;
mod harness;
mod pipes;
mod tidy;
