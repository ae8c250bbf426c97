//! Rows, parts, assembly and scans against a simple model.

mod chunk;
mod edges;
mod files;
mod lines;
mod model;
mod random;
mod series;
