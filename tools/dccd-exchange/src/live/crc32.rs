//! The CRC-32 that exchanges make of their books: the one of zip and Ethernet.

/// The polynomial, lowest bit first.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// By byte.
static TABLE: [u32; 256] = table();

/// The checksum of `bytes`.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        TABLE[usize::from(low ^ byte)] ^ (crc >> 8)
    })
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    let mut crc: u32 = 0;
    while byte < table.len() {
        let mut rest = crc;
        let mut bit = 0;
        while bit < 8 {
            rest = if rest & 1 == 1 { POLYNOMIAL ^ (rest >> 1) } else { rest >> 1 };
            bit += 1;
        }
        table[byte] = rest;
        byte += 1;
        crc += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_that_of_the_standard() {
        assert_eq!(super::crc32(b""), 0);
        assert_eq!(super::crc32(b"123456789"), 0xCBF4_3926);
    }
}
