//! What the budget file holds, and what follows from it. No file and no clock is touched here.

use dccd_exchange::LimitGroup;

/// Groups of limits that one host may have.
pub(super) const SLOTS: usize = 8;
/// A window is counted in so many parts.
const PARTS: u64 = 120;
/// Parts that are remembered: a window, its edges, and the margin.
const CELLS: usize = 160;
/// A request may reach the exchange so much later than another one that was sent before it...
const MARGIN_MS_MAX: u64 = 1_000;
/// ...but a short window would be wasted on that: no more than one part in so many of it is given away.
const MARGIN: u64 = 4;
/// One part in so many of a limit is kept for live resync, and at least one request...
const RESERVE: u32 = 20;
/// ...unless the limit is so small that this would be a large part of it.
const RESERVED_FROM: u32 = 10;
const MAGIC: u64 = u64::from_le_bytes(*b"dccdbud2");
/// Words of eight bytes: head, slots, checksum.
const HEAD_WORDS: usize = 6;
const SLOT_WORDS: usize = 1 + CELLS / 2;
const WORDS: usize = HEAD_WORDS + SLOTS * SLOT_WORDS + 1;
/// The size of a budget file.
pub(super) const FILE_BYTES: usize = WORDS * 8;

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Now {
    /// Milliseconds since this boot, not to be stepped by anybody.
    pub(super) boot_ms: u64,
    /// Which boot this is.
    pub(super) boot_id: u64,
    /// Milliseconds since 1970, right or wrong.
    pub(super) wall_ms: u64,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// History can wait: a part of the limit is not touched.
    Bulk,
    /// A live book cannot: it has all of the limit.
    Live,
}

/// What the budget says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// It has been counted: send it now.
    Go,
    /// Ask again after so many milliseconds.
    Wait(u64),
    /// The exchange wants to be left alone for so many milliseconds.
    Banned(u64),
}

/// The requests that were made to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    boot_id: u64,
    wall_ms: u64,
    ban: Ban,
    slots: [Slot; SLOTS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ban {
    until_boot_ms: u64,
    until_wall_ms: u64,
    length_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    /// The number of the newest part.
    part: u64,
    /// Weight spent in each, at its number modulo the length.
    cells: [u32; CELLS],
}

impl State {
    /// Nothing was spent.
    pub(super) fn new(now: Now) -> State {
        let slot = Slot { part: 0, cells: [0; CELLS] };
        State { boot_id: now.boot_id, wall_ms: now.wall_ms, ban: Ban::default(), slots: [slot; SLOTS] }
    }

    /// Nobody knows what was spent: as much as can be.
    pub(super) fn exhausted(now: Now) -> State {
        let mut state = State::new(now);
        for slot in &mut state.slots {
            // Longer than any window that is counted in parts of half a second or more.
            slot.part = u64::MAX;
        }
        state
    }

    /// The state in the bytes of a file; `None` if they are damaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<State> {
        let mut words = [0_u64; WORDS];
        if bytes.len() != FILE_BYTES {
            return None;
        }
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(chunk.try_into().ok()?);
        }
        let (body, sum) = words.split_at(WORDS - 1);
        let (head, slots) = body.split_at(HEAD_WORDS);
        let &[MAGIC, boot_id, wall_ms, until_boot_ms, until_wall_ms, length_ms] = head else { return None };
        if sum.first() != Some(&checksum(body)) {
            return None;
        }
        let mut state = State {
            boot_id,
            wall_ms,
            ban: Ban { until_boot_ms, until_wall_ms, length_ms },
            slots: [Slot { part: 0, cells: [0; CELLS] }; SLOTS],
        };
        for (slot, words) in state.slots.iter_mut().zip(slots.chunks_exact(SLOT_WORDS)) {
            let (part, cells) = words.split_first()?;
            slot.part = *part;
            for (pair, word) in slot.cells.chunks_exact_mut(2).zip(cells) {
                let [b0, b1, b2, b3, b4, b5, b6, b7] = word.to_le_bytes();
                pair.copy_from_slice(&[u32::from_le_bytes([b0, b1, b2, b3]), u32::from_le_bytes([b4, b5, b6, b7])]);
            }
        }
        Some(state)
    }

    /// The bytes of the file.
    pub(super) fn encode(&self) -> [u8; FILE_BYTES] {
        let mut words = Vec::with_capacity(WORDS);
        let Ban { until_boot_ms, until_wall_ms, length_ms } = self.ban;
        words.extend([MAGIC, self.boot_id, self.wall_ms, until_boot_ms, until_wall_ms, length_ms]);
        for slot in &self.slots {
            words.push(slot.part);
            for pair in slot.cells.chunks_exact(2) {
                words.push(pair.iter().rev().fold(0, |word, cell| word << 32 | u64::from(*cell)));
            }
        }
        words.push(checksum(&words));
        let mut bytes = [0; FILE_BYTES];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Takes `weight` out of the budget, or says how long to wait.
    pub(super) fn take(&mut self, group: &LimitGroup, weight: u32, priority: Priority, now: Now) -> Grant {
        self.settle(now);
        if let Some(left) = self.ban_left(now) {
            return Grant::Banned(left);
        }
        let slot = self.slot(group);
        slot.advance(now.boot_ms / part_ms(group), group);
        let cap = match priority {
            Priority::Bulk => group.weight_max - reserve(group),
            Priority::Live => group.weight_max,
        };
        let room = cap.saturating_sub(weight);
        if slot.spent(group) <= room {
            slot.add(weight);
            return Grant::Go;
        }
        Grant::Wait(slot.wait_ms(room, group, now.boot_ms))
    }

    /// The exchange says how much it has counted: whatever is more than ours was somebody else's.
    ///
    /// True if that changed anything.
    pub(super) fn observe(&mut self, group: &LimitGroup, used: u32, now: Now) -> bool {
        self.settle(now);
        let slot = self.slot(group);
        slot.advance(now.boot_ms / part_ms(group), group);
        let unknown = used.saturating_sub(slot.spent(group));
        slot.add(unknown);
        unknown > 0
    }

    /// The exchange wants to be left alone.
    pub(super) fn ban(&mut self, length_ms: u64, now: Now) {
        self.settle(now);
        if self.ban_left(now).is_none_or(|left| left < length_ms) {
            self.ban = Ban {
                until_boot_ms: now.boot_ms.saturating_add(length_ms),
                until_wall_ms: now.wall_ms.saturating_add(length_ms),
                length_ms,
            };
        }
    }

    /// Where a group is counted.
    fn slot(&mut self, group: &LimitGroup) -> &mut Slot {
        // The table of capabilities keeps within the slots, which a test watches over; better too strict than not at all.
        &mut self.slots[group.slot.min(SLOTS - 1)]
    }

    fn ban_left(&self, now: Now) -> Option<u64> {
        let left = self.ban.until_boot_ms.saturating_sub(now.boot_ms).min(self.ban.length_ms);
        (left > 0).then_some(left)
    }

    /// Brings a state of another boot, or of a clock that ran backwards, to ours.
    fn settle(&mut self, now: Now) {
        let is_ours = self.boot_id == now.boot_id;
        if !is_ours {
            // The clock since boot began anew; the wall clock may have been set, so no ban is longer
            // than it was when it was spoken.
            let left = self.ban.until_wall_ms.saturating_sub(now.wall_ms).min(self.ban.length_ms);
            self.ban.until_boot_ms = now.boot_ms.saturating_add(left);
            let is_long_ago = now.wall_ms.abs_diff(self.wall_ms) > 600_000;
            for slot in &mut self.slots {
                // What was spent shortly before the boot counts as spent now.
                slot.part = if is_long_ago { 0 } else { u64::MAX - 1 };
            }
        }
        self.boot_id = now.boot_id;
        self.wall_ms = now.wall_ms;
    }
}

impl Slot {
    /// Makes `part` the newest one and forgets what is older than can matter.
    fn advance(&mut self, part: u64, group: &LimitGroup) {
        if self.part > part {
            // From another clock, or unknown: whatever it was, it is spent now.
            let spent = if self.part == u64::MAX { group.weight_max } else { self.sum().min(group.weight_max) };
            *self = Slot { part, cells: [0; CELLS] };
            self.add(spent);
            return;
        }
        let cells = u64::try_from(CELLS).unwrap_or(u64::MAX);
        for newer in self.part.saturating_add(1).max((part + 1).saturating_sub(cells))..=part {
            self.set(newer, 0);
        }
        self.part = part;
    }

    fn spent(&self, group: &LimitGroup) -> u32 {
        self.counted(group).fold(0, |sum, part| sum.saturating_add(self.cell(part)))
    }

    /// How long until no more than `room` is spent.
    fn wait_ms(&self, room: u32, group: &LimitGroup, boot_ms: u64) -> u64 {
        let mut spent = self.spent(group);
        for part in self.counted(group) {
            spent = spent.saturating_sub(self.cell(part));
            if spent <= room {
                let frees_at = (part + 1 + PARTS + margin_parts(group)) * part_ms(group);
                return frees_at.saturating_sub(boot_ms).max(1);
            }
        }
        part_ms(group)
    }

    /// The parts that may still lie in a window of the exchange, oldest first.
    fn counted(&self, group: &LimitGroup) -> std::ops::RangeInclusive<u64> {
        self.part.saturating_sub(PARTS + margin_parts(group))..=self.part
    }

    fn sum(&self) -> u32 {
        self.cells.iter().fold(0, |sum, cell| sum.saturating_add(*cell))
    }

    fn add(&mut self, weight: u32) {
        self.set(self.part, self.cell(self.part).saturating_add(weight));
    }

    fn cell(&self, part: u64) -> u32 {
        self.cells.get(index(part)).copied().unwrap_or(0)
    }

    fn set(&mut self, part: u64, weight: u32) {
        if let Some(cell) = self.cells.get_mut(index(part)) {
            *cell = weight;
        }
    }
}

fn index(part: u64) -> usize {
    usize::try_from(part).unwrap_or(0) % CELLS
}

fn part_ms(group: &LimitGroup) -> u64 {
    (u64::from(group.window_secs) * 1000).div_ceil(PARTS).max(1)
}

fn margin_parts(group: &LimitGroup) -> u64 {
    (part_ms(group) * PARTS / MARGIN).min(MARGIN_MS_MAX).div_ceil(part_ms(group))
}

/// What history leaves alone.
fn reserve(group: &LimitGroup) -> u32 {
    if group.weight_max < RESERVED_FROM { 0 } else { group.weight_max.div_ceil(RESERVE) }
}

/// FNV-1a over words.
fn checksum(words: &[u64]) -> u64 {
    words.iter().fold(0xcbf2_9ce4_8422_2325, |sum: u64, word| (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3))
}
