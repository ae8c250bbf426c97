use std::io::{Cursor, Read, Write};

use dccd_record::Range;
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::tests::{Impatient, serve};

/// A few lines, packed into about a thousand bytes.
fn text() -> Vec<u8> {
    let line = |number: u64| format!("{number},{},x\n", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..40).map(line).collect::<String>().into_bytes()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(text).expect("memory");
    out.finish().expect("memory")
}

fn zip(files: &[&str], text: &[u8], method: CompressionMethod) -> Vec<u8> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for name in files {
        out.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("memory");
        out.write_all(text).expect("memory");
    }
    out.finish().expect("memory").into_inner()
}

fn packed() -> [(Packing, Vec<u8>); 3] {
    let text = text();
    [
        (Packing::Gzip, gzip(&text)),
        (Packing::Zip, zip(&["a.csv"], &text, CompressionMethod::Deflated)),
        (Packing::Zip, zip(&["a.csv"], &text, CompressionMethod::Stored)),
    ]
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file");
    file.rewind().expect("a temporary file");
    file
}

/// What a verified file holds.
fn verified(bytes: &[u8], packing: Packing) -> Result<Vec<u8>, BulkError> {
    let file = file_of(bytes);
    verify(&file, packing, &Impatient::default())?;
    let mut out = Vec::new();
    read_lines(file, packing, |line| {
        if !line.is_empty() {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        Ok::<(), BulkError>(())
    })?;
    Ok(out)
}

#[test]
fn whole_files_are_read() {
    for (packing, bytes) in packed() {
        assert_eq!(verified(&bytes, packing).expect("sound"), text(), "{packing:?}");
    }
    // Parts one after the other are one file, and a last line may lack its end.
    let parts = [gzip(b"one\ntw"), gzip(b"o")].concat();
    assert_eq!(verified(&parts, Packing::Gzip).expect("sound"), b"one\ntwo\n");
}

#[test]
fn a_cut_file_is_never_believed() {
    for (packing, bytes) in packed() {
        for end in 0..bytes.len() {
            let error = verified(&bytes[..end], packing).err().unwrap_or_else(|| panic!("{packing:?} up to {end}"));
            assert!(matches!(error, BulkError::Broken(_)), "{packing:?} up to {end}: {error:?}");
        }
    }
}

#[test]
fn a_flipped_bit_is_found_or_changes_nothing() {
    for (packing, bytes) in packed() {
        let mut found = 0;
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            match verified(&bytes, packing) {
                Ok(read) => assert!(read == text(), "{packing:?}: bit {bit}"),
                Err(_) => found += 1,
            }
        }
        // The rest are times, names and the like.
        assert!(found * 10 > bytes.len() * 8 * 8, "{packing:?}: only {found} of {}", bytes.len() * 8);
    }
}

#[test]
fn a_zip_holds_one_file() {
    let two = zip(&["a.csv", "b.csv"], b"1\n", CompressionMethod::Deflated);
    assert!(matches!(verified(&two, Packing::Zip), Err(BulkError::Files(2))));
    let none = zip(&[], b"", CompressionMethod::Deflated);
    assert!(matches!(verified(&none, Packing::Zip), Err(BulkError::Files(0))));
    assert!(matches!(verified(b"<html>no such file</html>", Packing::Gzip), Err(BulkError::Broken(_))));
}

fn bulk_file(packing: Packing) -> BulkFile {
    let api = dccd_exchange::table().next().expect("a row").api;
    BulkFile { api, path: "day.gz".to_owned(), period: Range::all(), packing, check: Check::Inside }
}

#[test]
fn an_altered_file_is_asked_for_again_and_then_given_up() {
    let good = gzip(&text());
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 4;
    let policy = Policy { retries_max: 2, delay: std::time::Duration::from_secs(1) };
    let (url, server) = serve(vec![bad.clone(), good]);
    let (scratch, waiter) = (Scratch::open(), Impatient::default());
    let found = Downloader::new(&url, policy).download(&bulk_file(Packing::Gzip), &scratch, &waiter);
    let mut held = Vec::new();
    found.expect("the second one is sound").expect("there is one").read_to_end(&mut held).expect("a file");
    assert_eq!(held, gzip(&text()));
    server.join().expect("the server ends");

    let waiter = Impatient::default();
    let (url, server) = serve(vec![bad.clone(), bad.clone(), bad]);
    let error =
        Downloader::new(&url, policy).download(&bulk_file(Packing::Gzip), &scratch, &waiter).expect_err("altered");
    assert!(matches!(error, BulkError::Altered { .. }) && error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains("/day.gz did not come as it was packed: cannot unpack"), "{error}");
    assert_eq!(waiter.waits.borrow().len(), 2);
    server.join().expect("the server ends");
}

#[test]
fn one_file_after_the_other_lies_in_the_same_place() {
    let (long, short) = (gzip(&text()), gzip(b"1\n"));
    let policy = Policy { retries_max: 0, delay: std::time::Duration::from_secs(1) };
    let (url, server) = serve(vec![long.clone(), short.clone()]);
    let (scratch, downloader) = (Scratch::open(), Downloader::new(&url, policy));
    for sent in [long, short] {
        let found = downloader.download(&bulk_file(Packing::Gzip), &scratch, &Impatient::default());
        let mut held = Vec::new();
        found.expect("a sound file").expect("there is one").read_to_end(&mut held).expect("a file");
        assert_eq!(held, sent);
    }
    server.join().expect("the server ends");
    assert_eq!(scratch.empty().and_then(|file| file.metadata()).expect("a file").len(), 0);
}
