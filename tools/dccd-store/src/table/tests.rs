//! Rows, parts, assembly and scans against a simple model.

mod model;
mod random;
mod series;
