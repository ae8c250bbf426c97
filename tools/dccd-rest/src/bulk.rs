//! Bulk files: fetched into an unnamed temporary file and verified before a single line leaves.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};

use dccd_exchange::archive::{BulkFile, Check, Packing};
use dccd_record::{BufferedLine, LineBuffer, Ts};
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::http::{Body, Client, HttpError, write_all};
use crate::retry::{Policy, Stopped, Waiter};

/// More than this is no file of an exchange but a bomb.
const UNPACKED_BYTES_MAX: u64 = 64 << 30;
const PACKED_BYTES_MAX: u64 = 16 << 30;
const BLOCK_BYTES: usize = 64 << 10;

/// Fetches files of one archive.
#[derive(Clone, Debug)]
pub struct Downloader {
    client: Client,
    base: String,
    policy: Policy,
}

impl Downloader {
    /// Asks `base`, a URL without a slash at its end.
    pub fn new(base: &str, policy: Policy) -> Downloader {
        Downloader { client: Client::new(base), base: base.to_owned(), policy }
    }

    /// The archive's clock.
    pub fn clock(&self, waiter: &dyn Waiter) -> Result<Ts, BulkError> {
        let url = format!("{}/", self.base);
        let mut body = Body::default();
        let head = self.retry(waiter, || {
            self.client.get(&url, None, &mut body).map_err(|error| BulkError::Http { url: url.clone(), error })
        })?;
        head.date.ok_or(BulkError::NoClock { url })
    }

    /// The verified file, which lies in `scratch`; `None` if the archive has none.
    pub fn download(&self, file: &BulkFile, scratch: &Scratch, waiter: &dyn Waiter) -> Result<Option<File>, BulkError> {
        let url = format!("{}/{}", self.base, file.path);
        self.retry(waiter, || match file.check {
            Check::Beside => {
                let Some(expected) = self.checksum(&url)? else { return Ok(None) };
                let mut hash = Sha256::new();
                let Some(found) = self.fetch(&url, scratch, waiter, |block| hash.update(block))? else {
                    return Ok(None);
                };
                let is_same = hash.finalize()[..] == expected;
                if is_same { Ok(Some(found)) } else { Err(BulkError::Mismatch { url: url.clone() }) }
            }
            Check::Inside => {
                let Some(found) = self.fetch(&url, scratch, waiter, |_| ())? else { return Ok(None) };
                verify(&found, file.packing, waiter).map_err(|error| error.at(&url))?;
                Ok(Some(found))
            }
        })
    }

    fn retry<T>(
        &self,
        waiter: &dyn Waiter,
        mut attempt_once: impl FnMut() -> Result<T, BulkError>,
    ) -> Result<T, BulkError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            waiter.check().map_err(BulkError::Stopped)?;
            let error = match attempt_once() {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let wait = if error.is_retryable() { self.policy.wait_after(attempt) } else { None };
            let Some(wait) = wait else { return Err(error) };
            waiter.note(&format_args!("{error}; trying again ({attempt} of {})", self.policy.retries_max));
            waiter.wait(wait).map_err(BulkError::Stopped)?;
        }
    }

    /// The sum beside a file; `None` if there is none.
    fn checksum(&self, url: &str) -> Result<Option<[u8; 32]>, BulkError> {
        let url = format!("{url}.CHECKSUM");
        let mut body = Body::default();
        match self.client.get(&url, None, &mut body) {
            Ok(head) if head.status == 200 => match checksum(body.bytes()) {
                Some(sum) => Ok(Some(sum)),
                None => Err(BulkError::Checksum { url }),
            },
            Ok(head) if head.status == 404 => Ok(None),
            Ok(head) => Err(BulkError::Status { url, status: head.status }),
            Err(error) => Err(BulkError::Http { url, error }),
        }
    }

    /// The file as it comes, which is shown to `see`; `None` if there is none.
    fn fetch(
        &self,
        url: &str,
        scratch: &Scratch,
        waiter: &dyn Waiter,
        mut see: impl FnMut(&[u8]),
    ) -> Result<Option<File>, BulkError> {
        let mut file = scratch.empty().map_err(BulkError::TempFile)?;
        let mut bytes = 0;
        let head = self.client.get_into(url, |block| {
            waiter.check().map_err(|Stopped| HttpError::Stopped)?;
            bytes += u64::try_from(block.len()).unwrap_or(u64::MAX);
            if bytes > PACKED_BYTES_MAX {
                return Err(HttpError::TooLarge);
            }
            see(block);
            write_all(&mut file, block)
        });
        let head = head.map_err(|error| match error {
            HttpError::Stopped => BulkError::Stopped(Stopped),
            error => BulkError::Http { url: url.to_owned(), error },
        })?;
        match head.status {
            200 => {}
            404 => return Ok(None),
            status => return Err(BulkError::Status { url: url.to_owned(), status }),
        }
        file.rewind().map_err(BulkError::TempFile)?;
        Ok(Some(file))
    }
}

/// An unnamed temporary file, opened while files can be, for one bulk file after the other.
#[derive(Debug)]
pub struct Scratch {
    file: io::Result<File>,
}

impl Scratch {
    /// Opens it. Only who uses it is told why it could not be.
    pub fn open() -> Scratch {
        Scratch { file: tempfile::tempfile() }
    }

    /// The file, of which nothing is left.
    pub fn empty(&self) -> io::Result<File> {
        match &self.file {
            Ok(file) => {
                let mut file = file.try_clone()?;
                file.set_len(0)?;
                file.rewind()?;
                Ok(file)
            }
            Err(cause) => Err(io::Error::new(cause.kind(), cause.to_string())),
        }
    }
}

/// Hands each line inside of the file to `take`.
pub fn read_lines<E>(file: File, packing: Packing, mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E>
where
    E: From<BulkError>,
{
    unpack(BufReader::new(file), packing, |inner| {
        // A last line may lack its LF: the checksum says that nothing is missing.
        let mut inner = inner.take(UNPACKED_BYTES_MAX).chain(&b"\n"[..]);
        let mut buffer = LineBuffer::new();
        loop {
            let count = buffer.fill(&mut inner).map_err(BulkError::Broken)?;
            loop {
                match buffer.next_line() {
                    BufferedLine::Line(line) => take(line)?,
                    BufferedLine::TooLong => return Err(E::from(BulkError::LongLine)),
                    BufferedLine::Starved => break,
                }
            }
            if count == 0 {
                return Ok(());
            }
        }
    })
}

/// Reads to the end, where the packing says what the length and the CRC of all that came before have to be.
fn verify(file: &File, packing: Packing, waiter: &dyn Waiter) -> Result<(), BulkError> {
    unpack(BufReader::new(file), packing, |inner| {
        let (mut block, mut bytes) = (vec![0; BLOCK_BYTES], 0);
        loop {
            waiter.check().map_err(BulkError::Stopped)?;
            let count = match inner.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(BulkError::Broken(cause)),
            };
            bytes += u64::try_from(count).unwrap_or(u64::MAX);
            if bytes > UNPACKED_BYTES_MAX {
                return Err(BulkError::Bomb);
            }
        }
    })?;
    let mut file = file;
    file.rewind().map_err(BulkError::TempFile)
}

/// Hands over what is packed inside.
fn unpack<T, E: From<BulkError>>(
    packed: impl BufRead + Seek,
    packing: Packing,
    read: impl FnOnce(&mut dyn Read) -> Result<T, E>,
) -> Result<T, E> {
    match packing {
        Packing::Zip => {
            let mut archive = ZipArchive::new(packed).map_err(BulkError::from)?;
            if archive.len() != 1 {
                return Err(E::from(BulkError::Files(archive.len())));
            }
            let mut inner = archive.by_index(0).map_err(BulkError::from)?;
            read(&mut inner)
        }
        Packing::Gzip => read(&mut MultiGzDecoder::new(packed)),
    }
}

/// The sum at the start of a line of `sha256sum`.
fn checksum(text: &[u8]) -> Option<[u8; 32]> {
    let mut sum = [0; 32];
    let digits = text.get(..64)?;
    if text.get(64).is_some_and(|byte| !byte.is_ascii_whitespace()) {
        return None;
    }
    for (byte, pair) in sum.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(sum)
}

/// Why a file could not be had.
#[derive(Debug)]
pub enum BulkError {
    /// Nothing came back.
    Http {
        /// What was asked.
        url: String,
        /// Why.
        error: HttpError,
    },
    /// The archive says no.
    Status {
        /// What was asked.
        url: String,
        /// Its status.
        status: u16,
    },
    /// The file beside it holds no checksum.
    Checksum {
        /// That file.
        url: String,
    },
    /// The file is not the one the checksum is of.
    Mismatch {
        /// The file.
        url: String,
    },
    /// The archive does not say what time it is.
    NoClock {
        /// What was asked.
        url: String,
    },
    /// The temporary file cannot be used.
    TempFile(io::Error),
    /// The file is not what its packing says.
    Altered {
        /// The file.
        url: String,
        /// Why.
        error: Box<BulkError>,
    },
    /// What was packed cannot be read to its end.
    Broken(io::Error),
    /// A zip of so many files, where one is expected.
    Files(usize),
    /// More than any exchange packs.
    Bomb,
    /// A line that no record has.
    LongLine,
    /// Somebody asked us to stop.
    Stopped(Stopped),
}

impl BulkError {
    /// What a check of the file at `url` has found.
    fn at(self, url: &str) -> BulkError {
        match self {
            BulkError::Broken(_) | BulkError::Files(_) => {
                BulkError::Altered { url: url.to_owned(), error: Box::new(self) }
            }
            other => other,
        }
    }

    /// Whether asking again later may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            BulkError::Http { error, .. } => error.is_retryable(),
            BulkError::Status { status, .. } => matches!(status, 403 | 429 | 500..=599),
            BulkError::Checksum { .. } | BulkError::Mismatch { .. } | BulkError::NoClock { .. } => true,
            BulkError::TempFile(_) => true,
            BulkError::Broken(_) | BulkError::Files(_) | BulkError::Bomb | BulkError::LongLine => false,
            // It may come whole the next time.
            BulkError::Altered { .. } | BulkError::Stopped(_) => true,
        }
    }
}

impl fmt::Display for BulkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BulkError::Http { url, error } => write!(f, "cannot get {url}: {error}"),
            BulkError::Status { url, status } => write!(f, "{url}: status {status}"),
            BulkError::Checksum { url } => write!(f, "{url} holds no checksum"),
            BulkError::Mismatch { url } => write!(f, "{url} is not what its checksum says"),
            BulkError::NoClock { url } => write!(f, "{url} says no date, so what is past is not known"),
            BulkError::TempFile(cause) => write!(f, "cannot use a temporary file (see TMPDIR): {cause}"),
            BulkError::Altered { url, error } => write!(f, "{url} did not come as it was packed: {error}"),
            BulkError::Broken(cause) => write!(f, "cannot unpack: {cause}"),
            BulkError::Files(count) => write!(f, "it holds {count} files in place of one"),
            BulkError::Bomb => write!(f, "it holds more than {} GiB", UNPACKED_BYTES_MAX >> 30),
            BulkError::LongLine => f.write_str("the file holds a line that is too long"),
            BulkError::Stopped(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for BulkError {}

impl From<ZipError> for BulkError {
    fn from(error: ZipError) -> BulkError {
        BulkError::Broken(match error {
            ZipError::Io(cause) => cause,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        })
    }
}

#[cfg(test)]
mod tests;
