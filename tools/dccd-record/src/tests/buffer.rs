use std::io::{self, Read};

use super::Random;
use crate::{BufferedLine, LINE_BYTES_MAX, LineBuffer};

/// Gives its bytes in the pieces it is told.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: Vec<usize>,
    interrupts: bool,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupts = !self.interrupts;
        if self.interrupts {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = self.sizes.pop().unwrap_or(1).max(1).min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(size);
        buffer[..size].copy_from_slice(now);
        self.bytes = later;
        Ok(size)
    }
}

/// The lines, `None` for one that is too long, and the bytes left.
fn read_all(mut input: impl Read) -> (Vec<Option<Vec<u8>>>, usize) {
    let mut buffer = LineBuffer::new();
    let mut lines = Vec::new();
    loop {
        match buffer.next_line() {
            BufferedLine::Line(line) => lines.push(Some(line.to_vec())),
            BufferedLine::TooLong => lines.push(None),
            BufferedLine::Starved => {
                assert!(buffer.capacity() <= 2 * LINE_BYTES_MAX);
                if buffer.fill(&mut input).unwrap() == 0 {
                    assert_eq!(buffer.next_line(), BufferedLine::Starved);
                    return (lines, buffer.bytes_left());
                }
                continue;
            }
        }
        assert_eq!(buffer.line_number(), u64::try_from(lines.len()).unwrap());
    }
}

#[test]
fn lines_are_cut_at_lf() {
    let check = |text: &str, expected: &[&str], left: usize| {
        let expected = expected.iter().map(|line| Some(line.as_bytes().to_vec())).collect();
        assert_eq!(read_all(text.as_bytes()), (expected, left), "{text:?}");
    };
    check("", &[], 0);
    check("\n", &[""], 0);
    check("a\nb\n", &["a", "b"], 0);
    check("a\n\nb", &["a", ""], 1);
    check("a\r\nb\0\n", &["a\r", "b\0"], 0);
}

#[test]
fn any_split_of_the_input_gives_the_same_lines() {
    let mut random = Random::new("any_split_of_the_input_gives_the_same_lines");
    for _ in 0..2_000 {
        let length = random.below(200);
        let bytes: Vec<u8> = (0..length).map(|_| random.pick(b"ab{}\n")).collect();
        let mut expected: Vec<Option<Vec<u8>>> =
            bytes.split(|byte| *byte == b'\n').map(|line| Some(line.to_vec())).collect();
        let left = expected.pop().unwrap().unwrap().len();
        let sizes = (0..bytes.len()).map(|_| 1 + random.below(20)).collect();
        assert_eq!(read_all(Pieces { bytes: &bytes, sizes, interrupts: false }), (expected, left));
    }
}

#[test]
fn lines_above_the_limit_are_skipped_and_counted() {
    let mut text = b"first\n".to_vec();
    text.extend(vec![b'x'; LINE_BYTES_MAX]);
    text.push(b'\n');
    text.extend(vec![b'y'; LINE_BYTES_MAX + 1]);
    text.extend(b"\nafter\n");
    text.extend(vec![b'z'; 3 * LINE_BYTES_MAX]);
    text.extend(b"\nlast\n");
    let expected = [
        Some(b"first".to_vec()),
        Some(vec![b'x'; LINE_BYTES_MAX]),
        None,
        Some(b"after".to_vec()),
        None,
        Some(b"last".to_vec()),
    ];
    for size in [4096, 65_536, 1 << 20, 5_000_011] {
        let sizes = vec![size; text.len() / size + 1];
        let (lines, left) = read_all(Pieces { bytes: &text, sizes, interrupts: false });
        assert!(lines == expected && left == 0, "reads of {size} bytes");
    }
}

#[test]
fn an_endless_line_is_not_held() {
    let mut input = io::repeat(b'x').take(u64::try_from(5 * LINE_BYTES_MAX).unwrap());
    let (lines, left) = read_all(&mut input);
    assert!(lines.is_empty());
    assert_eq!(left, LINE_BYTES_MAX);
}

#[test]
fn a_long_line_does_not_keep_its_room() {
    let mut buffer = LineBuffer::new();
    let mut input =
        io::repeat(b'x').take(u64::try_from(LINE_BYTES_MAX).unwrap()).chain(&b"\n"[..]).chain(&b"short\n"[..]);
    let mut lengths = Vec::new();
    loop {
        match buffer.next_line() {
            BufferedLine::Line(line) => lengths.push(line.len()),
            BufferedLine::TooLong => unreachable!("no line is above the limit"),
            BufferedLine::Starved => {
                if buffer.fill(&mut input).unwrap() == 0 {
                    break;
                }
            }
        }
    }
    assert_eq!(lengths, [LINE_BYTES_MAX, 5]);
    assert!(buffer.capacity() <= 1 << 20);
}

#[test]
fn an_error_of_the_input_is_handed_on() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    assert_eq!(LineBuffer::new().fill(&mut Broken).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}
