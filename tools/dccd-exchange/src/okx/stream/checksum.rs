//! What a book adds up to, where the exchange still says so: since 2026 the field is always 0.

use crate::live::OrderBook;

/// So many levels of each side count.
const LEVELS: usize = 25;

/// The checksum of the 25 best levels, a bid and an ask by turns, each as its price and its amount, all joined by
/// colons.
pub(super) fn checksum(book: &OrderBook) -> u32 {
    let (mut bids, mut asks) = (book.bids().take(LEVELS), book.asks().take(LEVELS));
    let mut text = Vec::with_capacity(LEVELS * 2 * 24);
    loop {
        let (bid, ask) = (bids.next(), asks.next());
        if bid.is_none() && ask.is_none() {
            break;
        }
        for (price, amount, _) in bid.into_iter().chain(ask) {
            for part in [price, amount] {
                if !text.is_empty() {
                    text.push(b':');
                }
                text.extend_from_slice(part.as_bytes());
            }
        }
    }
    crc32fast::hash(&text)
}
