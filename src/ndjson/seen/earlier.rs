//! What lines of other files had, kept from one run to the next: keys and kinds of values, and none of the values.
//!
//! It is JSON to whoever keeps it, and knows nothing of where that is.

use serde::{Deserialize, Serialize};

use super::super::class::Class;
use super::{Fields, Place, Seen};

/// The columns of lines that were read earlier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Earlier(Keys);

/// Keys of one place, in the order of their first appearance.
type Keys = Vec<(String, Values)>;

/// What the values of a key were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Values {
    #[serde(rename = "c")]
    class: u16,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    fields: Option<Keys>,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    items: Option<Box<Values>>,
    /// Of what one file had: where the key was first seen, and how many values were `""`.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    place: Option<(u64, u32)>,
    #[serde(rename = "e", default, skip_serializing_if = "is_zero")]
    empties: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Earlier {
    /// What was seen.
    pub(crate) fn of(fields: &Fields) -> Self {
        Self(keys(fields, Detail::Kinds))
    }

    /// What was seen of one file, with all that is known of it.
    pub(crate) fn of_file(fields: &Fields) -> Self {
        Self(keys(fields, Detail::All))
    }

    /// Whether nothing was read earlier.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As something that was seen before all files. How often is not known of it.
    pub(crate) fn fields(&self) -> Fields {
        fields(&self.0, 0)
    }

    /// As what was seen of a file, of which it has all; `file` is its number as it stands in a [`Place`].
    pub(crate) fn fields_of_file(&self, file: u32) -> Fields {
        fields(&self.0, file)
    }
}

/// How much of what was seen is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Kinds,
    All,
}

fn keys(fields: &Fields, detail: Detail) -> Keys {
    let mut order: Vec<_> = fields.named().collect();
    order.sort_by(|a, b| (a.1, a.0).cmp(&(b.1, b.0)));
    let with_place = |(name, (_, offset, rank), seen): (&str, Place, &Seen)| {
        let place = (detail == Detail::All).then_some((offset, rank));
        (name.to_owned(), Values { place, ..values(seen, detail) })
    };
    order.into_iter().map(with_place).collect()
}

fn values(seen: &Seen, detail: Detail) -> Values {
    Values {
        class: seen.class.bits(),
        fields: seen.fields.as_deref().map(|fields| keys(fields, detail)),
        items: seen.items.as_deref().map(|items| Box::new(values(items, detail))),
        place: None,
        empties: if detail == Detail::All { seen.empties } else { 0 },
    }
}

fn fields(keys: &Keys, file: u32) -> Fields {
    let mut fields = Fields::default();
    for (rank, (name, values)) in keys.iter().enumerate() {
        // A key that stands twice is one key.
        if fields.slots.find_or_add(name) == fields.seen.len() {
            let (offset, rank) = values.place.unwrap_or((0, rank as u32));
            fields.seen.push(((file, offset, rank), seen(values, file)));
        }
    }
    fields
}

fn seen(values: &Values, file: u32) -> Seen {
    Seen {
        class: Class::from_bits(values.class),
        empties: values.empties,
        fields: values.fields.as_ref().map(|keys| Box::new(fields(keys, file))),
        items: values.items.as_deref().map(|items| Box::new(seen(items, file))),
    }
}
