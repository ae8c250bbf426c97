//! Tests that run the tools together, one module per theme.

mod adopt;
mod bad_lines;
mod budget;
mod chaos;
mod crash;
mod disk;
mod files;
mod harness;
mod pipeline;
mod pipes;
mod readers;
mod sharing;
mod tidy;
mod time;
