//! Names that exchanges give to trades, made from the market's running numbers.

use crate::hash::mix;

/// An id as 36 letters, each running number its own.
pub(crate) fn uuid(key: u64, running: i64) -> String {
    let (high, low) = (mix(key, running), mix(key ^ 0x5DEE_CE66, running));
    let (first, second, third) = (high >> 32, (high >> 16) & 0xFFFF, high & 0x0FFF);
    let (fourth, fifth) = ((low >> 48) & 0x3FFF | 0x8000, low & 0xFFFF_FFFF_FFFF);
    format!("{first:08x}-{second:04x}-5{third:03x}-{fourth:04x}-{fifth:012x}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_trade_has_its_own_uuid() {
        let ids: BTreeSet<String> = (0..1_000).map(|running| uuid(7, running)).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 36 && id.split('-').count() == 5), "{ids:?}");
    }
}
