//! What a book adds up to.

use crate::live::OrderBook;

/// So many levels of each side count, however deep the book is.
const LEVELS: usize = 10;

/// The checksum of the ten best levels: what is offered, then what is wanted, each as its price and its amount
/// without their points and the zeros in front.
pub(in crate::kraken) fn checksum(book: &OrderBook) -> u32 {
    let mut text = Vec::with_capacity(LEVELS * 40);
    for (price, amount, _) in book.asks().take(LEVELS).chain(book.bids().take(LEVELS)) {
        push_digits(price, &mut text);
        push_digits(amount, &mut text);
    }
    crc32fast::hash(&text)
}

fn push_digits(number: &str, text: &mut Vec<u8>) {
    let digits = number.bytes().filter(|byte| *byte != b'.');
    text.extend(digits.skip_while(|byte| *byte == b'0'));
}
