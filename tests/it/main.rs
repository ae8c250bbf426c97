//! Tests that run the tools together, one module per theme.

mod adopt;
mod bad_lines;
mod budget;
mod ccxt;
mod chaos;
mod config;
mod crash;
mod desk;
mod disk;
mod door;
mod embed;
mod files;
mod harness;
mod outage;
mod pipeline;
mod pipes;
mod readers;
mod scripts_again;
mod scripts_known;
mod scripts_recipe;
mod scripts_stages;
mod scripts_terminal;
mod sharing;
mod tidy;
mod time;
mod truth;
