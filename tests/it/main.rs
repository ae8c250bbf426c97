//! Tests that run the tools together, one module per theme.

mod files;
mod harness;
mod tidy;
