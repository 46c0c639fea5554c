//! What lines of other files had, kept from one run to the next: keys and kinds of values, and none of the values.
//!
//! It is JSON to whoever keeps it, and knows nothing of where that is.

use serde::{Deserialize, Serialize};

use super::super::class::Class;
use super::{Fields, Seen};

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
}

impl Earlier {
    /// What was seen.
    pub(crate) fn of(fields: &Fields) -> Self {
        Self(keys(fields))
    }

    /// Whether nothing was read earlier.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As something that was seen before all files. How often is not known of it.
    pub(crate) fn fields(&self) -> Fields {
        fields(&self.0)
    }
}

fn keys(fields: &Fields) -> Keys {
    let mut order: Vec<_> = fields.named().collect();
    order.sort_by(|a, b| (a.1, a.0).cmp(&(b.1, b.0)));
    order.into_iter().map(|(name, _, seen)| (name.to_owned(), values(seen))).collect()
}

fn values(seen: &Seen) -> Values {
    Values {
        class: seen.class.bits(),
        fields: seen.fields.as_deref().map(keys),
        items: seen.items.as_deref().map(|items| Box::new(values(items))),
    }
}

fn fields(keys: &Keys) -> Fields {
    let mut fields = Fields::default();
    for (rank, (name, values)) in keys.iter().enumerate() {
        // A key that stands twice is one key.
        if fields.slots.find_or_add(name) == fields.seen.len() {
            fields.seen.push(((0, 0, rank as u32), seen(values)));
        }
    }
    fields
}

fn seen(values: &Values) -> Seen {
    Seen {
        class: Class::from_bits(values.class),
        empties: 0,
        fields: values.fields.as_ref().map(|keys| Box::new(fields(keys))),
        items: values.items.as_deref().map(|items| Box::new(seen(items))),
    }
}
