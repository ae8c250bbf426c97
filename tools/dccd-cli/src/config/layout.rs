//! How a list is laid out in the text.

use std::ops::Range;

use super::locate::Position;

/// The lines of a text, with their ends.
pub(crate) struct Lines<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Lines<'a> {
        Lines { lines: text.split_inclusive('\n').collect() }
    }

    /// How lines end here.
    pub(crate) fn line_break(&self) -> &'static str {
        if self.lines.first().is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" }
    }

    /// What stands at a position and behind it in its line.
    pub(crate) fn rest_of(&self, at: Position) -> Option<&'a str> {
        let line = self.lines.get(at.line.checked_sub(1)?)?;
        let (offset, _) = line.char_indices().nth(at.column.checked_sub(1)?)?;
        line.get(offset..)
    }

    /// The text with `new` lines after the first `after` ones.
    pub(crate) fn with(&self, after: usize, new: &[String]) -> String {
        let (before, behind) = self.lines.split_at(after.min(self.lines.len()));
        let mut text: String = before.concat();
        let new = new.join(self.line_break());
        // A last line without an end stays one.
        if text.ends_with('\n') {
            text.push_str(&new);
            text.push_str(self.line_break());
        } else {
            text.push_str(self.line_break());
            text.push_str(&new);
        }
        text.push_str(&behind.concat());
        text
    }

    /// The text without some lines.
    pub(crate) fn without(&self, removed: Range<usize>) -> String {
        let keep = |at: usize| !removed.contains(&at);
        let kept: Vec<&str> =
            self.lines.iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, line)| *line).collect();
        let text = kept.concat();
        let was_open = self.lines.last().is_some_and(|line| !line.ends_with('\n'));
        match (was_open, text.strip_suffix('\n')) {
            (true, Some(text)) => text.strip_suffix('\r').unwrap_or(text).to_owned(),
            _ => text,
        }
    }
}

/// A list of either style.
pub(crate) enum ListLayout {
    Block(BlockList),
    Flow(FlowList),
}

impl ListLayout {
    /// The list that begins at a position.
    pub(crate) fn find(text: &str, at: Position) -> Option<ListLayout> {
        let rest = Lines::new(text).rest_of(at)?;
        if rest.starts_with('[') {
            let start = offset_of(text, rest);
            return FlowList::scan(text, start).map(ListLayout::Flow);
        }
        let is_dash = rest.strip_prefix('-').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\r']));
        is_dash.then(|| ListLayout::Block(BlockList { dash_column: at.column - 1, first_line: at.line - 1 }))
    }
}

impl ListLayout {
    /// The lines, counted from 1, in which the elements begin.
    pub(crate) fn lines(&self, text: &str) -> Vec<usize> {
        match self {
            ListLayout::Block(block) => block.lines(text),
            ListLayout::Flow(flow) => {
                let (mut line, mut at) = (1, 0);
                let begin = |element: &Range<usize>| {
                    line += text.get(at..element.start).unwrap_or_default().matches('\n').count();
                    at = element.start;
                    line
                };
                flow.elements.iter().map(begin).collect()
            }
        }
    }
}

/// A list of lines that begin with a dash.
pub(crate) struct BlockList {
    /// Spaces before the dash.
    pub(crate) dash_column: usize,
    first_line: usize,
}

impl BlockList {
    /// The lines of the element that has something in `line`, all counted from 0.
    pub(crate) fn element(&self, text: &str, line: usize) -> Option<Range<usize>> {
        let lines = Lines::new(text).lines;
        let start = (self.first_line..=line).rev().find(|at| lines.get(*at).is_some_and(|line| self.has_dash(line)))?;
        let mut end = start + 1;
        for (at, line) in lines.iter().enumerate().skip(start + 1) {
            let is_blank = line.trim().is_empty();
            if !is_blank && indent(line) <= self.dash_column {
                break;
            }
            if !is_blank {
                end = at + 1;
            }
        }
        Some(start..end)
    }

    fn lines(&self, text: &str) -> Vec<usize> {
        let ends = |line: &str| !line.trim().is_empty() && indent(line) < self.dash_column;
        let lines = Lines::new(text).lines.into_iter().enumerate().skip(self.first_line);
        let list = lines.take_while(|(_, line)| !ends(line));
        list.filter(|(_, line)| self.has_dash(line)).map(|(at, _)| at + 1).collect()
    }

    fn has_dash(&self, line: &str) -> bool {
        let rest = line.get(self.dash_column..);
        indent(line) == self.dash_column && rest.is_some_and(|rest| rest.starts_with('-'))
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A list between brackets.
pub(crate) struct FlowList {
    /// The bytes of its elements.
    elements: Vec<Range<usize>>,
    /// Where the bracket opens.
    open: usize,
    /// Just behind a comma that follows the last element.
    trailing_comma: Option<usize>,
}

impl FlowList {
    /// The text with one more element at the end.
    pub(crate) fn push(&self, text: &str, element: &str) -> String {
        let (at, new) = match (self.elements.last(), self.trailing_comma) {
            (_, Some(comma)) => (comma, format!(" {element},")),
            (Some(last), None) => (last.end, format!(", {element}")),
            (None, None) => (self.open + 1, element.to_owned()),
        };
        let (before, behind) = text.split_at(at);
        format!("{before}{new}{behind}")
    }

    /// The text without an element.
    pub(crate) fn without(&self, text: &str, at: usize) -> Option<String> {
        let element = self.elements.get(at)?;
        let before = at.checked_sub(1).and_then(|at| self.elements.get(at));
        let removed = match (before, self.elements.get(at + 1)) {
            (Some(before), _) => before.end..element.end,
            (None, Some(behind)) => element.start..behind.start,
            (None, None) => element.start..self.trailing_comma.unwrap_or(element.end),
        };
        Some(format!("{}{}", text.get(..removed.start)?, text.get(removed.end..)?))
    }

    /// Reads the list whose bracket opens at `open`.
    fn scan(text: &str, open: usize) -> Option<FlowList> {
        let mut elements = Vec::new();
        let mut element: Option<Range<usize>> = None;
        let mut trailing_comma = None;
        let mut depth = 0_usize;
        let mut quote: Option<char> = None;
        let mut chars = text.get(open..)?.char_indices().map(|(at, c)| (open + at, c)).peekable();
        let mut before = ' ';
        while let Some((at, c)) = chars.next() {
            let end = at + c.len_utf8();
            let is_space = c.is_whitespace();
            match (quote, c) {
                (Some('"'), '\\') => {
                    chars.next();
                }
                (Some(open), c) if c == open => quote = None,
                (Some(_), _) => {}
                // A quote inside a word is a letter like any other.
                (None, '"' | '\'') if before.is_whitespace() || "[{,:".contains(before) => quote = Some(c),
                (None, '#') if before.is_whitespace() => {
                    while chars.next_if(|(_, c)| *c != '\n').is_some() {}
                    continue;
                }
                (None, '[' | '{') => depth += 1,
                (None, ']' | '}') if depth == 1 => {
                    elements.extend(element);
                    return (c == ']').then_some(FlowList { elements, open, trailing_comma });
                }
                (None, ']' | '}') => depth -= 1,
                (None, ',') if depth == 1 => {
                    elements.extend(element.take());
                    trailing_comma = Some(end);
                    before = c;
                    continue;
                }
                _ => {}
            }
            before = c;
            // The bracket that opens the list is not part of an element.
            if at > open && (!is_space || quote.is_some()) {
                trailing_comma = None;
                element = Some(element.map_or(at, |element| element.start)..end);
            }
        }
        None
    }
}

/// Where `part`, which is a part of `text`, begins.
fn offset_of(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}
