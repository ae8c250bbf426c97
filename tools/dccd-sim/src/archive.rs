//! Zip files with checksums, made when they are asked for.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Files kept ready, and their bytes together.
const FILES_MAX: usize = 64;
const BYTES_MAX: usize = 256 << 20;

/// One zip file.
#[derive(Debug)]
pub(crate) struct Zip {
    /// Its content.
    pub(crate) bytes: Arc<Vec<u8>>,
    /// Its SHA-256 in hexadecimal.
    pub(crate) checksum: String,
}

/// The files asked for lately.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    files: Mutex<VecDeque<(String, Arc<Zip>)>>,
}

impl Shelf {
    /// The zip called `name`, holding one file called `inner`; while it is made, others wait.
    pub(crate) fn zip(&self, name: &str, inner: &str, make: impl FnOnce() -> Vec<u8>) -> io::Result<Arc<Zip>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, zip)) = files.iter().find(|(known, _)| known == name) {
            return Ok(Arc::clone(zip));
        }
        let bytes = compress(inner, &make())?;
        let checksum = hex(&Sha256::digest(&bytes));
        let zip = Arc::new(Zip { bytes: Arc::new(bytes), checksum });
        files.push_back((name.to_owned(), Arc::clone(&zip)));
        while files.len() > FILES_MAX || (files.len() > 1 && total(&files) > BYTES_MAX) {
            files.pop_front();
        }
        Ok(zip)
    }
}

/// The same input gives the same bytes: the file's date is fixed.
fn compress(inner: &str, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::with_capacity(content.len() / 3)));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .last_modified_time(DateTime::default());
    writer.start_file(inner, options)?;
    writer.write_all(content)?;
    Ok(writer.finish()?.into_inner())
}

fn total(files: &VecDeque<(String, Arc<Zip>)>) -> usize {
    files.iter().map(|(_, zip)| zip.bytes.len()).sum()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
