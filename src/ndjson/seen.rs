//! What was seen of values, and the narrowest type that holds them all.
//!
//! [`Seen`] is a commutative monoid: it does not matter in which order, in how many parts or by how many threads the
//! values were seen. Only the order of columns needs more, the place of each key's first appearance, which merges as
//! the smallest. It knows nothing of files; types are resolved once all has been seen.

mod earlier;

use std::collections::HashMap;

use super::class::Class;
use super::declared::Declared;
use super::layout::{Layout, Reading};
use super::listing::InputFile;
use super::object::Slots;
use super::survey::Origin;
use super::tape::{Kind, Tape};

pub use earlier::Earlier;

/// Where a key was first seen: file, counted from 1, offset of the line, position among the keys. Before all files is what
/// was seen earlier.
pub(crate) type Place = (u32, u64, u32);

/// All that was seen of one column, field or list element.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    class: Class,
    /// How many values were `""`.
    empties: u64,
    fields: Option<Box<Fields>>,
    items: Option<Box<Seen>>,
}

/// A step of the path from a line's object to a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Inside<'a> {
    /// From an object to the value of a key.
    Key(&'a str),
    /// From an array to its elements.
    Items,
}

/// The keys seen in the objects of one place.
#[derive(Debug, Default, Clone)]
pub(crate) struct Fields {
    slots: Slots,
    seen: Vec<(Place, Seen)>,
}

/// One line, parsed, on its way into what was seen.
pub(crate) struct Observed<'a> {
    pub(crate) line: &'a [u8],
    pub(crate) tape: &'a Tape,
    pub(crate) file: u32,
    pub(crate) offset: u64,
    /// Keys that a later one of the same object replaced.
    pub(crate) duplicates: u64,
    /// Keys that were never seen before.
    pub(crate) new_keys: usize,
}

impl Seen {
    fn observe(&mut self, index: u32, declared: Option<&Declared>, from: &mut Observed<'_>) {
        let node = from.tape.node(index);
        let class = Class::of(node, from.line);
        self.empties += u64::from(class.has(Class::EMPTY));
        match (node.kind, declared) {
            (Kind::Object, None | Some(Declared::Struct(_))) => {
                self.fields.get_or_insert_default().observe(index, declared.map_or(&[], Declared::fields), from);
            }
            (Kind::Array, None) => self.observe_items(index, None, from),
            (Kind::Array, Some(Declared::List(item))) => self.observe_items(index, Some(item), from),
            // What is declared is only checked.
            (_, Some(_)) => return self.class |= class.of_those(Class::PRESENT | Class::EMPTY),
            _ => {}
        }
        self.class |= class;
    }

    fn observe_items(&mut self, index: u32, declared: Option<&Declared>, from: &mut Observed<'_>) {
        let items = self.items.get_or_insert_default();
        let tape = from.tape;
        for item in tape.children(index) {
            items.observe(item, declared, from);
        }
    }

    fn add_empties(&mut self, path: &[Inside<'_>], count: u64) {
        match path.split_first() {
            None => self.empties += count,
            Some((Inside::Key(_), _)) => {
                if let Some(fields) = &mut self.fields {
                    fields.add_empties(path, count);
                }
            }
            Some((Inside::Items, rest)) => {
                if let Some(items) = &mut self.items {
                    items.add_empties(rest, count);
                }
            }
        }
    }

    /// Adds what was seen elsewhere. Returns whether types may be others by it.
    pub(crate) fn merge(&mut self, other: Self) -> bool {
        let before = self.class;
        self.class |= other.class;
        self.empties += other.empties;
        let mut is_new = self.class != before;
        if let Some(fields) = other.fields {
            is_new |= self.fields.is_none();
            is_new |= self.fields.get_or_insert_default().merge(*fields);
        }
        if let Some(items) = other.items {
            is_new |= self.items.is_none();
            is_new |= self.items.get_or_insert_default().merge(*items);
        }
        is_new
    }

    /// How these values are read, and so their type.
    fn resolve(&self, declared: Option<&Declared>, empty_as_null: bool) -> Reading {
        let none = Self::default();
        match declared {
            Some(Declared::Struct(fields)) => {
                return Reading::Struct(
                    self.fields.as_deref().unwrap_or(&Fields::default()).resolve(fields, empty_as_null),
                );
            }
            Some(Declared::List(item)) => {
                let items = self.items.as_deref().unwrap_or(&none);
                return Reading::List(Box::new(items.resolve(Some(item), empty_as_null)));
            }
            Some(scalar) => return Reading::of_declared(scalar),
            None => {}
        }
        let kinds = self.class.of_those(Class::KINDS);
        match kinds {
            Class::BOOLEAN => Reading::Boolean,
            Class::NUMBER => number_reading(self.class),
            _ if kinds == Class::NUMBER | Class::EMPTY && empty_as_null => number_reading(self.class),
            Class::OBJECT => match &self.fields {
                Some(fields) if !fields.seen.is_empty() => Reading::Struct(fields.resolve(&[], empty_as_null)),
                // Objects without a single key: Arrow and Parquet have no type for them, their text is `{}`.
                _ => Reading::Text,
            },
            Class::ARRAY => {
                Reading::List(Box::new(self.items.as_deref().unwrap_or(&none).resolve(None, empty_as_null)))
            }
            _ => Reading::Text,
        }
    }

    /// Adds the paths below `path` of which no value was seen; see [`Fields::unseen`].
    fn add_unseen(&self, path: &str, reading: &Reading, paths: &mut Vec<(String, usize)>) {
        if let Reading::Struct(layout) = reading {
            let fields = self.fields.as_deref();
            for (name, reading) in layout.fields() {
                if let Some(seen) = fields.and_then(|fields| fields.get(name)) {
                    seen.add_unseen(&format!("{path}.{name}"), reading, paths);
                }
            }
            return;
        }
        let (mut seen, mut reading, mut depth) = (Some(self), reading, 0);
        while let Reading::List(item) = reading {
            (seen, reading, depth) = (seen.and_then(|seen| seen.items.as_deref()), item, depth + 1);
        }
        if seen.is_none_or(|seen| seen.class.of_those(Class::KINDS) == Class::default()) {
            paths.push((path.to_owned(), depth));
        }
    }

    fn count(&self) -> usize {
        self.fields.as_ref().map_or(0, |fields| fields.count()) + self.items.as_ref().map_or(0, |items| items.count())
    }

    /// The kinds of values seen, in words; empty for a declared column, whose values are only checked.
    fn describe(&self) -> String {
        let words = [
            (Class::BOOLEAN, "booleans"),
            (Class::NUMBER, if self.class.has(Class::FRACTION) { "numbers" } else { "integers" }),
            (Class::STRING, "strings"),
            (Class::EMPTY, "\"\""),
            (Class::OBJECT, "objects"),
            (Class::ARRAY, "arrays"),
        ];
        let seen = |(class, word)| self.class.has(class).then_some(word);
        words.into_iter().filter_map(seen).collect::<Vec<_>>().join(", ")
    }

    /// Adds up how many `""` are read as NULL, per path, for a column that is read as `reading`.
    fn count_empties(&self, path: &str, reading: &Reading, counts: &mut Vec<(String, u64)>) {
        match reading {
            Reading::Text | Reading::Json => {}
            Reading::Struct(layout) => {
                for (name, reading) in layout.fields() {
                    if let Some(seen) = self.fields.as_ref().and_then(|fields| fields.get(name)) {
                        seen.count_empties(&format!("{path}.{name}"), reading, counts);
                    }
                }
            }
            Reading::List(item) => {
                if let Some(items) = &self.items {
                    items.count_empties(&format!("{path}[]"), item, counts);
                }
            }
            _ => {}
        }
        if self.empties > 0 && !matches!(reading, Reading::Text | Reading::Json) {
            counts.push((path.to_owned(), self.empties));
        }
    }
}

impl Fields {
    /// Takes in one object that was found to fit what is declared of it.
    pub(crate) fn observe(&mut self, object: u32, declared: &[(String, Declared)], from: &mut Observed<'_>) {
        let known = self.slots.len();
        let values = self.slots.assign_growing(object, from.line, from.tape);
        from.duplicates += values.duplicates;
        from.new_keys += self.slots.len() - known;
        // Lines come in rising order, so the first place is the smallest.
        while self.seen.len() < self.slots.len() {
            self.seen.push(((from.file, from.offset, self.seen.len() as u32), Seen::default()));
        }
        for (slot, value) in values.taken() {
            let rule = if declared.is_empty() { None } else { find(declared, self.slots.name(slot)) };
            self.seen[slot].1.observe(value, rule, from);
        }
        self.slots.give_back(values);
    }

    /// Adds what was seen elsewhere. Returns whether types may be others by it; the order of columns is no matter.
    pub(crate) fn merge(&mut self, other: Self) -> bool {
        let Self { slots, seen } = other;
        let mut is_new = false;
        for (slot, (place, seen)) in seen.into_iter().enumerate() {
            let mine = self.slots.find_or_add(slots.name(slot));
            if mine == self.seen.len() {
                self.seen.push((place, seen));
                is_new = true;
            } else {
                self.seen[mine].0 = self.seen[mine].0.min(place);
                is_new |= self.seen[mine].1.merge(seen);
            }
        }
        is_new
    }

    /// The columns in the order of their first appearance; declared ones that never appeared come last.
    pub(crate) fn resolve(&self, declared: &[(String, Declared)], empty_as_null: bool) -> Layout {
        let mut order: Vec<(&str, Place, &Seen)> = self.named().collect();
        order.sort_by(|a, b| (a.1, a.0).cmp(&(b.1, b.0)));
        let mut fields: Vec<(String, Reading)> = order
            .into_iter()
            .map(|(name, _, seen)| (name.to_owned(), seen.resolve(find(declared, name), empty_as_null)))
            .collect();
        let seen: HashMap<&str, ()> = self.named().map(|(name, ..)| (name, ())).collect();
        let absent = declared.iter().filter(|(name, _)| !seen.contains_key(name.as_str()));
        fields.extend(absent.map(|(name, rule)| (name.clone(), Seen::default().resolve(Some(rule), empty_as_null))));
        Layout::new(fields)
    }

    /// How many `""` are read as NULL, per column path, where there are any.
    pub(crate) fn empties(&self, layout: &Layout) -> Vec<(String, u64)> {
        let mut counts = Vec::new();
        for (name, reading) in layout.fields() {
            if let Some(seen) = self.get(name) {
                seen.count_empties(name, reading, &mut counts);
            }
        }
        counts
    }

    /// Paths of which no value was seen so far, and whose types therefore stand for nothing: `column.field`, and how many lists deep
    /// the values would stand there. What is in structs in lists is not among them, nor what `is_declared`.
    pub(crate) fn unseen(&self, layout: &Layout, is_declared: impl Fn(&str) -> bool) -> Vec<(String, usize)> {
        let mut paths = Vec::new();
        for (name, reading) in layout.fields().iter().filter(|(name, _)| !is_declared(name)) {
            if let Some(seen) = self.get(name) {
                seen.add_unseen(name, reading, &mut paths);
            }
        }
        paths
    }

    /// Counts `""` that were seen at `path`. Inside of what is declared as one value nothing is counted.
    pub(crate) fn add_empties(&mut self, path: &[Inside<'_>], count: u64) {
        let Some((Inside::Key(name), rest)) = path.split_first() else { return };
        if let Some(slot) = self.slots.find(name) {
            self.seen[slot].1.add_empties(rest, count);
        }
    }

    /// How many keys there are, those of nested objects included.
    pub(crate) fn count(&self) -> usize {
        self.seen.iter().map(|(_, seen)| 1 + seen.count()).sum()
    }

    /// Where each column of `layout` and its type come from.
    pub(crate) fn origins(&self, layout: &Layout, declared: &[(String, Declared)], files: &[InputFile]) -> Vec<Origin> {
        let origin = |(name, reading): &(String, Reading)| {
            let slot = self.slots.find(name).map(|slot| &self.seen[slot]);
            Origin {
                name: name.clone(),
                type_name: reading.name(),
                declared: find(declared, name).is_some(),
                seen: slot.map_or_else(String::new, |(_, seen)| seen.describe()),
                first: slot.and_then(|((file, offset, _), _)| {
                    let file = files.get((*file as usize).checked_sub(1)?)?;
                    Some((file.shown.clone(), *offset))
                }),
            }
        };
        layout.fields().iter().map(origin).collect()
    }

    fn get(&self, name: &str) -> Option<&Seen> {
        self.slots.find(name).map(|slot| &self.seen[slot].1)
    }

    fn named(&self) -> impl Iterator<Item = (&str, Place, &Seen)> {
        self.seen.iter().enumerate().map(|(slot, (place, seen))| (self.slots.name(slot), *place, seen))
    }
}

fn find<'a>(declared: &'a [(String, Declared)], name: &str) -> Option<&'a Declared> {
    declared.iter().find(|(declared, _)| declared == name).map(|(_, rule)| rule)
}

/// The narrowest type for numbers of these properties.
fn number_reading(class: Class) -> Reading {
    match () {
        () if class.has(Class::HUGE | Class::OVERFLOW) => Reading::Text,
        () if class.has(Class::FRACTION) && class.has(Class::ABOVE_2_53) => Reading::Text,
        () if class.has(Class::FRACTION) => Reading::Float64,
        () if class.has(Class::BIG) || (class.has(Class::ABOVE_I64) && class.has(Class::NEGATIVE)) => {
            Reading::Decimal { precision: 38, scale: 0 }
        }
        () if class.has(Class::ABOVE_I64) => Reading::UInt64,
        () => Reading::Int64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tape::ROOT;
    use super::*;

    /// All that is seen of lines from line number `first` on.
    fn see(lines: &[&str], first: usize) -> Fields {
        let (mut fields, mut tape) = (Fields::default(), Tape::default());
        for (number, line) in lines.iter().enumerate() {
            tape.parse(line.as_bytes(), 128).unwrap();
            let offset = (first + number) as u64;
            let (line, tape) = (line.as_bytes(), &tape);
            let mut observed = Observed { line, tape, file: 0, offset, duplicates: 0, new_keys: 0 };
            fields.observe(ROOT, &[], &mut observed);
        }
        fields
    }

    fn shown(fields: &Fields) -> String {
        let layout = fields.resolve(&[], true);
        let columns = layout.fields().iter().map(|(name, reading)| format!("{name} {}", reading.name()));
        format!("{} {:?}", columns.collect::<Vec<_>>().join(", "), fields.empties(&layout))
    }

    /// The columns of the lines, however they are dealt to threads and merged.
    fn check(lines: &[&str], expected: &str) {
        assert_eq!(shown(&see(lines, 0)), expected, "{lines:?}");
        for cut in 0..=lines.len() {
            let parts = || (see(&lines[..cut], 0), see(&lines[cut..], cut));
            let (mut early, late) = parts();
            early.merge(late);
            assert_eq!(shown(&early), expected, "{lines:?} cut at {cut}");
            let (early, mut late) = parts();
            late.merge(early);
            assert_eq!(shown(&late), expected, "{lines:?} cut at {cut}, merged backwards");
        }
    }

    #[test]
    fn the_type_is_the_narrowest_that_holds_all_values() {
        check(&[r#"{"c":1}"#, r#"{"c":""}"#, r#"{"c":-5}"#, r#"{"c":null}"#], r#"c bigint [("c", 1)]"#);
        check(&[r#"{"c":1}"#, r#"{"c":18446744073709551615}"#], "c unsigned bigint []");
        check(&[r#"{"c":-1}"#, r#"{"c":18446744073709551615}"#], "c decimal(38,0) []");
        check(&[r#"{"c":9007199254740993}"#, r#"{"c":1.5}"#], "c varchar []");
        check(&[r#"{"c":9007199254740992}"#, r#"{"c":1.5}"#], "c double []");
        check(&[r#"{"c":-9007199254740993}"#, r#"{"c":2}"#], "c bigint []");
        check(&[r#"{"c":1e400}"#, r#"{"c":""}"#], "c varchar []");
        check(&[r#"{"c":true}"#, r#"{"c":""}"#], "c varchar []");
        check(&[r#"{"c":{}}"#, r#"{"c":{}}"#], "c varchar []");
        check(&[r#"{"c":{}}"#, r#"{"c":{"x":[1]}}"#, r#"{"c":{"x":[2.5]}}"#], "c struct(x list(double)) []");
        check(&[r#"{"c":{"x":1}}"#, r#"{"c":[1]}"#], "c varchar []");
    }

    #[test]
    fn columns_stand_in_the_order_of_their_first_appearance() {
        let lines = [r#"{"b":1,"a":1}"#, r#"{"a":{"y":1},"c":1}"#, r#"{"d":1,"a":{"x":1},"b":2}"#];
        check(&lines, "b bigint, a varchar, c bigint, d bigint []");
        let lines = [r#"{"o":{"z":1}}"#, r#"{"o":{"y":1,"z":1}}"#, r#"{"n":0,"o":{"x":"","z":1,"y":""}}"#];
        check(&lines, r#"o struct(z bigint, y bigint, x varchar), n bigint [("o.y", 1)]"#);
    }

    #[test]
    fn empties_are_counted_by_path_in_the_order_of_columns() {
        let lines = [
            r#"{"o":{"b":[1,""],"a":{"c":""}},"n":""}"#,
            r#"{"o":{"a":{"c":2},"b":["",""]},"n":3}"#,
            r#"{"s":"","n":""}"#,
        ];
        let empties = r#"[("o.b[]", 3), ("o.a.c", 1), ("n", 2)]"#;
        check(&lines, &format!("o struct(b list(bigint), a struct(c bigint)), n bigint, s varchar {empties}"));
    }

    #[test]
    fn all_keys_count_and_the_value_that_wins_is_seen() {
        let fields = see(&[r#"{"a":[{"b":1},{"c":{"d":1}}],"a":{"e":1}}"#, r#"{"a":{"f":[]}}"#], 0);
        assert_eq!(fields.count(), 3);
        assert_eq!(shown(&fields), "a struct(e bigint, f list(varchar)) []");
    }
}
