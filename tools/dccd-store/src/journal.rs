//! Lines that are durable but not yet in Parquet.
//!
//! A journal is one file per writer: zstd frames of the lines themselves, one frame per group commit,
//! so `zstdcat` shows what waits. The writer holds the file's lock while it lives; a journal whose lock
//! is free has lost its writer, and the next one takes it over. Only the last frame can be torn, since
//! each is synced before the next is written.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe;

use crate::error::StoreError;
use crate::fsys;
use crate::lock::{is_locked, try_lock};

/// The suffix of every journal.
const SUFFIX: &str = ".ndjson.zst";
/// The suffix of a journal whose rows wait for a file that was purged.
const PARKED_SUFFIX: &str = ".parked.ndjson.zst";
/// Commits of a steady trickle are small and are what a journal mostly holds: pack them well.
const SMALL_FRAME_LEVEL: i32 = 8;
/// A frame above this is part of a rush: pack it fast.
const SMALL_FRAME_BYTES: usize = 1 << 20;
const LARGE_FRAME_LEVEL: i32 = 1;
/// The most text in one frame: a full frame of short lines, or one line of the greatest length.
const FRAME_TEXT_BYTES_MAX: usize = 64 << 20;
const READ_BYTES: usize = 1 << 20;
/// A writer has few journals at a time. Another process may take one over between its creation and its lock;
/// each try has a new name.
const CREATE_TRIES_MAX: u32 = 1_000_000;

/// The journal this process appends to.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Where the last whole frame ends.
    bytes: u64,
    compressor: Compressor<'static>,
}

impl Journal {
    /// Creates and locks the next journal of `writer` in `dir`.
    pub(crate) fn create(dir: &Path, writer: &str) -> Result<Journal, StoreError> {
        Journal::create_with(dir, writer, SUFFIX)
    }

    /// Creates and locks a journal for rows of one file that was purged.
    pub(crate) fn create_parked(dir: &Path, writer: &str) -> Result<Journal, StoreError> {
        Journal::create_with(dir, writer, PARKED_SUFFIX)
    }

    fn create_with(dir: &Path, writer: &str, suffix: &str) -> Result<Journal, StoreError> {
        fsys::create_dir(dir)?;
        for number in 0..CREATE_TRIES_MAX {
            let path = dir.join(format!("{writer}.{number:06}{suffix}"));
            let file = match File::options().read(true).write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened.map_err(StoreError::io("create journal", &path))?,
            };
            if try_lock(&file, &path)? && is_linked(&file, &path)? {
                fsys::sync_dir(dir)?;
                return Ok(Journal { path, file, bytes: 0, compressor: compressor()? });
            }
        }
        Err(StoreError::Locked { path: dir.to_owned() })
    }

    /// Makes the lines durable as one frame. A frame that fails is taken back, so a later try is sound.
    pub(crate) fn commit(&mut self, lines: &[u8]) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let level = if lines.len() <= SMALL_FRAME_BYTES { SMALL_FRAME_LEVEL } else { LARGE_FRAME_LEVEL };
        let frame = self
            .compressor
            .set_compression_level(level)
            .and_then(|()| self.compressor.compress(lines))
            .map_err(StoreError::io("compress for", &self.path))?;
        let written = self.file.write_all(&frame).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // The next commit must not land behind half a frame; if even this fails, the reader sees a torn end.
            let _ = self.file.set_len(self.bytes);
            let _ = self.file.seek(SeekFrom::Start(self.bytes));
            return Err(StoreError::io("write journal", &self.path)(error));
        }
        self.bytes += u64::try_from(frame.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Stops appending: the lines now wait like those of a journal taken over.
    pub(crate) fn into_segment(self) -> Segment {
        Segment { path: self.path, _file: self.file, is_damaged: false, is_carried: false }
    }

    /// Stops appending: the lines were carried over from a journal of a dead writer.
    pub(crate) fn into_carried(self) -> Segment {
        Segment { is_carried: true, ..self.into_segment() }
    }

    /// Removes the journal, whose lines are all elsewhere.
    pub(crate) fn remove(self) -> Result<(), StoreError> {
        fsys::remove(&self.path)
    }
}

/// A journal that nobody appends to any more, locked by this process.
pub(crate) struct Segment {
    path: PathBuf,
    _file: File,
    is_damaged: bool,
    is_carried: bool,
}

impl Segment {
    /// Takes over every journal in `dir` whose writer is gone.
    pub(crate) fn take_over(dir: &Path) -> Result<Vec<Segment>, StoreError> {
        let mut taken = Vec::new();
        for path in paths(dir)? {
            let file = match File::options().read(true).write(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(StoreError::io("open journal", &path))?,
            };
            if try_lock(&file, &path)? && is_linked(&file, &path)? {
                taken.push(Segment { path, _file: file, is_damaged: false, is_carried: false });
            }
        }
        Ok(taken)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the writer that left it.
    pub(crate) fn writer(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        name.split('.').next().unwrap_or("")
    }

    /// Whether its rows wait for a file that was purged.
    pub(crate) fn is_parked(&self) -> bool {
        is_parked(&self.path)
    }

    /// Whether its lines were given to `writer`, rather than left by a dead one.
    pub(crate) fn is_of(&self, writer: &str) -> bool {
        !self.is_carried && self.writer() == writer
    }

    /// Remembers that a reader could not get through.
    pub(crate) fn mark_damaged(&mut self) {
        self.is_damaged = true;
    }

    /// Whether a reader could not get through.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// Its frames, in order.
    pub(crate) fn frames(&self) -> Result<Frames, StoreError> {
        match Frames::open(&self.path)? {
            Some(frames) => Ok(frames),
            None => Err(StoreError::io("open journal", &self.path)(io::ErrorKind::NotFound.into())),
        }
    }

    /// Removes the journal, whose lines are all elsewhere.
    pub(crate) fn remove(self) -> Result<(), StoreError> {
        fsys::remove(&self.path)
    }
}

/// How a journal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FramesEnd {
    /// With its last whole frame.
    Clean,
    /// With a frame that was cut off while being written: it never counted as durable.
    Torn,
    /// A frame before the last is damaged: its lines are lost, and what later ones say of completeness with them.
    Damaged,
}

/// The frames of a journal, read one at a time.
pub(crate) struct Frames {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    start: usize,
    is_file_read: bool,
    decompressor: Decompressor<'static>,
    end: FramesEnd,
}

impl Frames {
    /// Opens a journal for reading, whoever owns it; `None` if it is gone, which means published.
    pub(crate) fn open(path: &Path) -> Result<Option<Frames>, StoreError> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(StoreError::io("open journal", path))?,
        };
        let decompressor = Decompressor::new().map_err(StoreError::io("decompress", path))?;
        Ok(Some(Frames {
            path: path.to_owned(),
            file,
            buffer: Vec::new(),
            start: 0,
            is_file_read: false,
            decompressor,
            end: FramesEnd::Clean,
        }))
    }

    /// The lines of the next frame; `None` at the end, about which [`Frames::end`] says more.
    pub(crate) fn next_lines(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        loop {
            if let Some(length) = self.find_frame()? {
                if let Some(lines) = self.decode(self.start, length) {
                    self.start += length;
                    return Ok(Some(lines));
                }
            } else if self.start == self.buffer.len() {
                return Ok(None);
            }
            if !self.skip_damage()? {
                return Ok(None);
            }
        }
    }

    /// How the journal ended, once [`Frames::next_lines`] gave `None`.
    pub(crate) fn end(&self) -> FramesEnd {
        self.end
    }

    /// Whether lines before the last given ones are lost, so that what is said to be covered may not be there.
    pub(crate) fn is_past_damage(&self) -> bool {
        self.end == FramesEnd::Damaged
    }

    /// The length of the frame at `start`, reading as much as it takes.
    fn find_frame(&mut self) -> Result<Option<usize>, StoreError> {
        loop {
            let rest = &self.buffer[self.start..];
            match zstd_safe::find_frame_compressed_size(rest) {
                Ok(length) if length > 0 && !rest.is_empty() => return Ok(Some(length)),
                _ if self.is_file_read => return Ok(None),
                _ => self.read_more()?,
            }
        }
    }

    fn decode(&mut self, start: usize, length: usize) -> Option<Vec<u8>> {
        let frame = &self.buffer[start..start + length];
        // Only frames that a person made by hand do not name the size of their text.
        let text_bytes = zstd_safe::get_frame_content_size(frame).ok().flatten();
        let capacity = text_bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(FRAME_TEXT_BYTES_MAX);
        let capacity = capacity.min(FRAME_TEXT_BYTES_MAX);
        self.decompressor.decompress(frame, capacity).ok()
    }

    /// Goes to the next whole frame after bytes that are none; `false` if there is none, so that only the end
    /// was torn. Frames have checksums, so what looks like one in the midst of another is not taken for it.
    fn skip_damage(&mut self) -> Result<bool, StoreError> {
        while !self.is_file_read {
            self.read_more()?;
        }
        let magic = zstd_safe::MAGICNUMBER.to_le_bytes();
        let mut from = self.start + 1;
        while let Some(found) = self.buffer.get(from..).and_then(|rest| memchr::memmem::find(rest, &magic)) {
            let start = from + found;
            let length = zstd_safe::find_frame_compressed_size(&self.buffer[start..]).unwrap_or(0);
            if length > 0 && self.decode(start, length).is_some() {
                self.start = start;
                self.end = FramesEnd::Damaged;
                return Ok(true);
            }
            from = start + 1;
        }
        if self.end == FramesEnd::Clean {
            self.end = FramesEnd::Torn;
        }
        self.start = self.buffer.len();
        Ok(false)
    }

    fn read_more(&mut self) -> Result<(), StoreError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let wanted = u64::try_from(READ_BYTES.max(self.buffer.len())).unwrap_or(u64::MAX);
        let count = (&mut self.file)
            .take(wanted)
            .read_to_end(&mut self.buffer)
            .map_err(StoreError::io("read journal", &self.path))?;
        self.is_file_read = count == 0;
        Ok(())
    }
}

/// Every journal in `dir`, oldest first.
pub(crate) fn paths(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let names = fsys::names(dir)?;
    Ok(names.iter().filter(|name| name.ends_with(SUFFIX)).map(|name| dir.join(name)).collect())
}

fn compressor() -> Result<Compressor<'static>, StoreError> {
    let with_checksum = || {
        let mut compressor = Compressor::new(LARGE_FRAME_LEVEL)?;
        compressor.include_checksum(true)?;
        Ok(compressor)
    };
    with_checksum().map_err(StoreError::io("start compressing", Path::new("journal")))
}

/// Whether its rows wait for a file that was purged.
pub(crate) fn is_parked(path: &Path) -> bool {
    path.to_string_lossy().ends_with(PARKED_SUFFIX)
}

/// Whether a journal has lost its writer.
pub(crate) fn is_ownerless(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| is_locked(&file, path).is_ok_and(|is_locked| !is_locked))
}

/// Whether a writer, by its name, lives on this host, or owns a journal somewhere.
pub(crate) fn is_writer_alive(dir: &Path, writer: &str) -> bool {
    let is_here = writer.rsplit_once('-').is_some_and(|(_, pid)| Path::new("/proc").join(pid).exists());
    let owns = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        name.split('.').next() == Some(writer) && !is_ownerless(path)
    };
    is_here || paths(dir).unwrap_or_default().iter().any(owns)
}

/// A name for a writer, unique in the store. Names sort by the time of start, so that a later writer's lines win.
pub(crate) fn unique_writer() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{nanos:020}-{}", std::process::id())
}

/// Whether the file we locked is still the one at `path`, not one that its last owner removed.
fn is_linked(file: &File, path: &Path) -> Result<bool, StoreError> {
    let ours = file.metadata().map_err(StoreError::io("examine journal", path))?;
    Ok(fs::metadata(path).is_ok_and(|there| there.ino() == ours.ino() && there.dev() == ours.dev()))
}
