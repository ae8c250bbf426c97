//! Where in the text a value stands.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A line and a column, both from 1, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// The way to a value: which element of each list, which entry of each mapping, from the root on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) steps: Vec<usize>,
    pub(crate) is_key: bool,
}

impl Place {
    /// The place of element or entry `step` inside this one.
    pub(crate) fn inside(&self, step: usize) -> Place {
        let mut steps = self.steps.clone();
        steps.push(step);
        Place { steps, is_key: false }
    }

    /// The place of the key whose value this is the place of.
    pub(crate) fn key(&self) -> Place {
        Place { steps: self.steps.clone(), is_key: true }
    }
}

impl Position {
    pub(crate) const START: Position = Position { line: 1, column: 1 };

    /// Where `place` is in `text`, or where the nearest value around it is.
    ///
    /// The parser tells positions only with errors. So the text is read once more, by a reader that fails
    /// exactly there.
    pub(crate) fn of(text: &str, place: &Place) -> Position {
        let seek = Seek { steps: &place.steps, is_key: place.is_key };
        let sought = seek.deserialize(serde_yaml::Deserializer::from_str(text));
        sought.err().and_then(|error| Position::of_error(&error)).unwrap_or(Position::START)
    }

    /// Where a second document begins, if there is one.
    pub(crate) fn of_second_document(text: &str) -> Option<Position> {
        let second = serde_yaml::Deserializer::from_str(text).nth(1)?;
        let seek = Seek { steps: &[], is_key: false };
        Some(seek.deserialize(second).err().and_then(|error| Position::of_error(&error)).unwrap_or(Position::START))
    }

    /// Where the parser stumbled.
    pub(crate) fn of_error(error: &serde_yaml::Error) -> Option<Position> {
        error.location().map(|at| Position { line: at.line(), column: at.column() })
    }
}

#[derive(Clone, Copy)]
struct Seek<'a> {
    steps: &'a [usize],
    is_key: bool,
}

impl<'a> Seek<'a> {
    fn found<E: Error>() -> E {
        E::custom("here")
    }

    fn rest(self, steps: &'a [usize]) -> Seek<'a> {
        Seek { steps, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Err(Seek::found())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Err(Seek::found())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Err(Seek::found())
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        Err(Seek::found())
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        Err(Seek::found())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Err(Seek::found())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(Seek::found())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Err(Seek::found())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Err(Seek::found())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(Seek::found())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Some((step, rest)) = self.steps.split_first() else { return Err(Seek::found()) };
        for _ in 0..*step {
            access.next_element::<IgnoredAny>()?;
        }
        access.next_element_seed(self.rest(rest))?;
        Err(Seek::found())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Some((step, rest)) = self.steps.split_first() else { return Err(Seek::found()) };
        for _ in 0..*step {
            access.next_entry::<IgnoredAny, IgnoredAny>()?;
        }
        if self.is_key && rest.is_empty() {
            access.next_key_seed(self.rest(rest))?;
        } else if access.next_key::<IgnoredAny>()?.is_some() {
            access.next_value_seed(self.rest(rest))?;
        }
        Err(Seek::found())
    }
}
