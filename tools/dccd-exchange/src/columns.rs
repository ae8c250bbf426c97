//! Fields of lines that a header names.

use crate::answer::AnswerError;
use crate::wire::unexpected;

/// Where `N` fields stand in each line of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns<const N: usize> {
    places: [usize; N],
}

impl<const N: usize> Columns<N> {
    /// Reads the header; `None` if it lacks one of `names`, or has it twice.
    ///
    /// A name ends at a slash, behind which some exchanges say it in another language and character set.
    pub(crate) fn find(header: &[u8], names: [&str; N]) -> Option<Columns<N>> {
        let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
        let words: Vec<&[u8]> = header.split(|byte| *byte == b',').map(word).collect();
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(names) {
            let mut found = words.iter().enumerate().filter(|(_, word)| **word == name.as_bytes());
            *place = found.next()?.0;
            if found.next().is_some() {
                return None;
            }
        }
        Some(Columns { places })
    }

    /// The named fields of a line.
    pub(crate) fn fields<'a>(&self, line: &'a str) -> Result<[&'a str; N], AnswerError> {
        let mut fields = [None; N];
        for (number, text) in line.split(',').enumerate() {
            for (field, place) in fields.iter_mut().zip(self.places) {
                if place == number {
                    *field = Some(text);
                }
            }
        }
        let mut found = [""; N];
        for (found, field) in found.iter_mut().zip(fields) {
            *found = field.ok_or_else(|| unexpected("has too few fields", line))?;
        }
        Ok(found)
    }
}

fn word(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == b'/').next().unwrap_or(name).trim_ascii()
}

/// That the columns of a file cannot be understood.
pub(crate) fn unknown_columns(header: &[u8]) -> AnswerError {
    unexpected("names no columns that are understood", &String::from_utf8_lossy(header))
}
