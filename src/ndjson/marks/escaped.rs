//! What backslashes make of the bytes behind them, of 64 bytes at once: what is escaped, and whether escapes are whole.
//!
//! It is arithmetic on bits, the same for every kernel; which bytes are of a kind they say. It does not know what is a string: a
//! backslash elsewhere is wrong wherever it stands.

/// The last byte that is looked at for an escape is so far behind its backslash: that of `\uD83D\uDE`.
const LONGEST: u32 = 9;

/// Every other place, from the first on.
const EVEN: u64 = u64::MAX / 3;

/// What the chunks before make of the next one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Escaped {
    /// A byte that is escaped.
    bytes: u64,
    /// The digits of `\uXXXX`, the first of them, and the second where they may be half of a surrogate pair.
    digits: u64,
    first_digits: u64,
    halves: u64,
    /// Where the second digit of a second half is due.
    trails: u64,
}

/// What was found in a chunk.
pub(super) struct Found {
    /// Backslashes that are not escaped themselves.
    pub(super) starts: u64,
    /// Quotes that are escaped.
    pub(super) quotes: u64,
    /// Bytes that an escape cannot go on with. It began at most [`LONGEST`] bytes before.
    pub(super) faults: u64,
}

impl Found {
    /// Where the escapes begin that may have the faults, and perhaps others: in the chunk before, and in this one.
    #[cold]
    pub(super) fn near_faults(&self) -> [u64; 2] {
        let faults = u128::from(self.faults) << u64::BITS;
        let near = (1..=LONGEST).fold(0, |near, bytes| near | faults >> bytes);
        [near as u64, (near >> u64::BITS) as u64]
    }
}

impl Escaped {
    /// A chunk makes something of the next one only if it has a backslash here.
    pub(super) const MAY_REACH_ON: u64 = u64::MAX << (u64::BITS - LONGEST);

    /// Whether anything of the next chunk depends on those before, also without a backslash in it.
    #[inline(always)]
    pub(super) fn is_open(self) -> bool {
        self.bytes | self.digits | self.halves | self.trails != 0
    }

    /// Goes over the next chunk. `within` tells the places of bytes from the one up to the other.
    #[inline(always)]
    pub(super) fn pass(&mut self, backslashes: u64, within: impl Fn(u8, u8) -> u64) -> Found {
        let is = |byte| within(byte, byte);
        // In a run of backslashes every other one escapes the next byte, from its first on.
        let free = backslashes & !self.bytes;
        let firsts = free & !(free << 1);
        // Each run that begins at an even place carries its first bit away.
        let even = free & !free.wrapping_add(firsts & EVEN);
        let starts = (even & EVEN) | (free & !even & !EVEN);
        let escaped = behind(starts, 1, &mut self.bytes);
        let quotes = escaped & is(b'"');
        let units = escaped & is(b'u');
        let letters = is(b'b') | is(b'f') | is(b'n') | is(b'r') | is(b't');
        let mut faults = escaped & !(quotes | units | backslashes | is(b'/') | letters);
        if units | self.digits | self.halves | self.trails != 0 {
            let digits = within(b'0', b'9') | within(b'a', b'f') | within(b'A', b'F');
            let pairs = u128::from(units) | u128::from(units) << 1;
            let due = (pairs | pairs << 2) << 1;
            faults |= (due as u64 | self.digits) & !digits;
            self.digits = (due >> u64::BITS) as u64;
            // U+D800 to U+DBFF are first halves, U+DC00 to U+DFFF second ones. The last digits of a first half do not matter to its second
            // half: if they are none, that is a fault of its own, at which who reads the line ends. Nor does another line begin a string
            // between them: there is no room for a newline, a brace and a quote.
            let surrogates = behind(units, 1, &mut self.first_digits) & (is(b'd') | is(b'D'));
            let halves = behind(surrogates, 1, &mut self.halves) & digits & !within(b'0', b'7');
            let trails = halves & (within(b'c', b'f') | within(b'C', b'F'));
            faults |= behind(halves & !trails, 6, &mut self.trails) ^ trails;
        }
        Found { starts, quotes, faults }
    }
}

/// The places some bytes behind others, and those of the chunk before; what is behind the end is left to the next.
#[inline(always)]
fn behind(places: u64, bytes: u32, reached: &mut u64) -> u64 {
    let before = std::mem::replace(reached, places >> (u64::BITS - bytes));
    places << bytes | before
}
