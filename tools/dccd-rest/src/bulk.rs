//! Bulk files: fetched into an unnamed temporary file and verified before a single line leaves.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

use dccd_record::{BufferedLine, LineBuffer, Ts};
use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::http::{Body, Client, HttpError, write_all};
use crate::retry::{Policy, Stopped, Waiter};

/// More than this is no file of an exchange but a bomb.
const UNZIPPED_BYTES_MAX: u64 = 64 << 30;
const ZIP_BYTES_MAX: u64 = 16 << 30;

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

    /// The verified file; `None` if the archive has none.
    pub fn download(&self, path: &str, waiter: &dyn Waiter) -> Result<Option<File>, BulkError> {
        let url = format!("{}/{path}", self.base);
        self.retry(waiter, || self.download_once(&url, waiter))
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

    fn download_once(&self, url: &str, waiter: &dyn Waiter) -> Result<Option<File>, BulkError> {
        let http = |error| BulkError::Http { url: url.to_owned(), error };
        let sum_url = format!("{url}.CHECKSUM");
        let mut body = Body::default();
        let head = self.client.get(&sum_url, None, &mut body).map_err(http)?;
        match head.status {
            200 => {}
            404 => return Ok(None),
            status => return Err(BulkError::Status { url: sum_url, status }),
        }
        let expected = checksum(body.bytes()).ok_or(BulkError::Checksum { url: sum_url })?;
        let mut file = tempfile::tempfile().map_err(BulkError::TempFile)?;
        let mut hash = Sha256::new();
        let mut bytes = 0;
        let head = self.client.get_into(url, |block| {
            waiter.check().map_err(|Stopped| HttpError::Stopped)?;
            bytes += u64::try_from(block.len()).unwrap_or(u64::MAX);
            if bytes > ZIP_BYTES_MAX {
                return Err(HttpError::TooLarge);
            }
            hash.update(block);
            write_all(&mut file, block)
        });
        let head = head.map_err(|error| match error {
            HttpError::Stopped => BulkError::Stopped(Stopped),
            error => http(error),
        })?;
        match head.status {
            200 => {}
            404 => return Ok(None),
            status => return Err(BulkError::Status { url: url.to_owned(), status }),
        }
        if hash.finalize()[..] != expected {
            return Err(BulkError::Mismatch { url: url.to_owned() });
        }
        file.rewind().map_err(BulkError::TempFile)?;
        Ok(Some(file))
    }
}

/// Hands each line of the first file inside the zip to `take`.
pub fn read_lines<E>(file: File, mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E>
where
    E: From<BulkError>,
{
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(BulkError::Zip)?;
    let inner = archive.by_index(0).map_err(BulkError::Zip)?;
    // A last line may lack its LF: the checksum says that nothing is missing.
    let mut inner = inner.take(UNZIPPED_BYTES_MAX).chain(&b"\n"[..]);
    let mut buffer = LineBuffer::new();
    loop {
        let count = buffer.fill(&mut inner).map_err(|cause| BulkError::Zip(ZipError::Io(cause)))?;
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
    /// No zip, or a broken one.
    Zip(ZipError),
    /// A line that no record has.
    LongLine,
    /// Somebody asked us to stop.
    Stopped(Stopped),
}

impl BulkError {
    /// Whether asking again later may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            BulkError::Http { error, .. } => error.is_retryable(),
            BulkError::Status { status, .. } => matches!(status, 403 | 429 | 500..=599),
            BulkError::Checksum { .. } | BulkError::Mismatch { .. } | BulkError::NoClock { .. } => true,
            BulkError::TempFile(_) => true,
            BulkError::Zip(_) | BulkError::LongLine => false,
            BulkError::Stopped(_) => true,
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
            BulkError::Zip(cause) => write!(f, "cannot unzip: {cause}"),
            BulkError::LongLine => f.write_str("the file holds a line that is too long"),
            BulkError::Stopped(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for BulkError {}
