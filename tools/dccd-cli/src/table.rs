//! Tables for people.

use crate::plain::plain;

/// Appends a header and rows, columns two spaces apart. Numbers are not right-aligned, so that `cut` and `awk` find them.
pub fn write_table(header: &[&str], rows: &[Vec<String>], out: &mut Vec<u8>) {
    let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
    let all = || std::iter::once(&header).chain(rows);
    let width = |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..header.len()).map(|column| width(column).unwrap_or(0)).collect();
    for row in all() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{:width$}", plain(cell)));
        let line = cells.collect::<Vec<_>>().join("  ");
        out.extend_from_slice(line.trim_end().as_bytes());
        out.push(b'\n');
    }
}
