//! Which columns of a table are shown, and how wide each is, so that the table fits the terminal.
//!
//! The widest columns are narrowed first, and only as far as all others of their width; none below its least. Where not
//! even that fits, columns in the middle are left out, since the first ones tell which row it is and the last ones are
//! often what was computed. It knows only widths.

/// Columns that the frame takes: on the left of the table, and for each of its columns (two spaces and a line).
const EDGE: usize = 1;
const FRAME: usize = 3;
/// What stands for columns that are left out takes a column of this width.
const GAP: usize = 1;

/// How wide a column wants to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    /// Where nothing is cut.
    pub(super) natural: usize,
    /// Below it, the column says nothing. At most `natural`.
    pub(super) least: usize,
}

/// What stands beside each other in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// The column of that number, so wide.
    Column { index: usize, width: usize },
    /// Columns that are left out.
    Gap,
}

impl Slot {
    /// Its columns on the terminal without the frame.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Column { width, .. } => width,
            Self::Gap => GAP,
        }
    }
}

/// Whether all columns fit into `room` with at least their least.
pub(super) fn fits(needs: &[Need], room: Option<usize>) -> bool {
    room.is_none_or(|room| least_width(needs) <= room)
}

/// The slots of a table of at most `room` columns on the terminal, if that is room for one character and a gap.
pub(super) fn fit(needs: &[Need], room: Option<usize>) -> Vec<Slot> {
    let Some(room) = room else { return slots(0, &widths(needs, usize::MAX)).collect() };
    // What does not fit even alone is narrowed below its least.
    let most = room.saturating_sub(EDGE + 2 * FRAME + GAP).max(1);
    let needs: Vec<Need> = needs.iter().map(|need| Need { least: need.least.min(most), ..*need }).collect();
    if fits(&needs, Some(room)) {
        return slots(0, &widths(&needs, room - EDGE - FRAME * needs.len())).collect();
    }
    let room = room.saturating_sub(EDGE + FRAME + GAP);
    let (left, right) = kept(&needs, room);
    let shown = [&needs[..left], &needs[right..]].concat();
    let widths = widths(&shown, room.saturating_sub(FRAME * shown.len()));
    let (before, after) = widths.split_at(left);
    let gap = (left < right).then_some(Slot::Gap);
    slots(0, before).chain(gap).chain(slots(right, after)).collect()
}

fn least_width(needs: &[Need]) -> usize {
    EDGE + needs.iter().map(|need| need.least + FRAME).sum::<usize>()
}

fn slots(first: usize, widths: &[usize]) -> impl Iterator<Item = Slot> + '_ {
    widths.iter().enumerate().map(move |(at, width)| Slot::Column { index: first + at, width: *width })
}

/// How many columns stand before the gap, and the first one behind it: as many on both sides as `room` holds.
fn kept(needs: &[Need], room: usize) -> (usize, usize) {
    let cost = |index: usize| needs[index].least + FRAME;
    let (mut left, mut right) = (1, needs.len());
    let mut left_over = room.saturating_sub(cost(0));
    while left < right {
        let index = if left > needs.len() - right { right - 1 } else { left };
        let Some(rest) = left_over.checked_sub(cost(index)) else { break };
        left_over = rest;
        if index == left {
            left += 1;
        } else {
            right -= 1;
        }
    }
    (left, right)
}

/// Shares `room` out: nobody is wider than natural or narrower than the least, and of the others none by more than one
/// column wider than another.
fn widths(needs: &[Need], room: usize) -> Vec<usize> {
    let natural = needs.iter().map(|need| need.natural);
    if natural.clone().sum::<usize>() <= room {
        return natural.collect();
    }
    let at = |level: usize| needs.iter().map(move |need| level.clamp(need.least, need.natural));
    // The level above which nobody is. With it all fits, and with one more it would not.
    let (mut level, mut above) = (0, natural.max().unwrap_or_default());
    while level + 1 < above {
        let middle = usize::midpoint(level, above);
        if at(middle).sum::<usize>() <= room { level = middle } else { above = middle }
    }
    let mut widths: Vec<usize> = at(level).collect();
    let mut left_over = room.saturating_sub(widths.iter().sum());
    for (width, need) in widths.iter_mut().zip(needs) {
        if left_over > 0 && *width == level && *width < need.natural {
            *width += 1;
            left_over -= 1;
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn needs(widths: &[(usize, usize)]) -> Vec<Need> {
        widths.iter().map(|(natural, least)| Need { natural: *natural, least: *least }).collect()
    }

    /// The widths that are shown, `0` for the gap.
    fn check(widths: &[(usize, usize)], room: Option<usize>, expected: &[usize]) {
        let found = fit(&needs(widths), room).into_iter().map(|slot| match slot {
            Slot::Column { width, .. } => width,
            Slot::Gap => 0,
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_widest_are_narrowed_first() {
        check(&[(5, 5), (200, 5), (10, 5)], None, &[5, 200, 10]);
        check(&[(5, 5), (20, 5), (10, 5)], Some(45), &[5, 20, 10]);
        check(&[(5, 5), (20, 5), (10, 5)], Some(40), &[5, 15, 10]);
        check(&[(5, 5), (20, 5), (10, 5)], Some(34), &[5, 10, 9]);
        check(&[(8, 8), (20, 5), (10, 5)], Some(28), &[8, 5, 5]);
    }

    #[test]
    fn the_middle_is_left_out() {
        check(&[(5, 5); 6], Some(49), &[5; 6]);
        check(&[(5, 5); 6], Some(45), &[5, 5, 5, 0, 5, 5]);
        check(&[(5, 5); 6], Some(44), &[5, 5, 0, 5, 5]);
        check(&[(5, 5); 6], Some(20), &[5, 0]);
        check(&[(9, 5); 6], Some(30), &[6, 5, 0, 5]);
        check(&[(5, 5); 1], Some(8), &[4]);
        check(&[(40, 32), (5, 5)], Some(30), &[22, 0]);
        check(&[], Some(1), &[]);
    }

    proptest! {
        #[test]
        fn a_table_fits_if_its_least_does(
            widths in prop::collection::vec((1..300_usize, 1..30_usize), 1..60),
            room in 1..300_usize,
        ) {
            let widths: Vec<_> = widths.into_iter().map(|(natural, least)| (natural, least.min(natural))).collect();
            let needs = needs(&widths);
            let slots = fit(&needs, Some(room));
            let total = EDGE + slots.iter().map(|slot| slot.width() + FRAME).sum::<usize>();
            prop_assert!(total <= room || room < EDGE + 2 * FRAME + GAP + 1);
            prop_assert!(!fits(&needs, Some(room)) || !slots.contains(&Slot::Gap));
            for slot in &slots {
                if let Slot::Column { index, width } = slot {
                    let Need { natural, least } = needs[*index];
                    prop_assert!(*width <= natural && (*width >= least || slots.len() <= 2));
                }
            }
            // Room is used: nobody is narrowed while there is some left.
            let is_narrowed = slots.iter().any(|slot| matches!(slot, Slot::Column { index, width } if *width < needs[*index].natural));
            prop_assert!(!is_narrowed || total >= room);
        }
    }
}
