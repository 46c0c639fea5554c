//! Where a statement means a view of its script, and where a query under WITH that is called so.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Query, Visit, Visitor};

use super::default_source::lacks_from;
use super::pcollection::PCOLLECTION;
use super::walk::walk;
use super::{address, normal};

/// How a view's name is used.
#[derive(Default)]
pub(super) struct Mentions {
    /// Whether it means the view anywhere.
    pub(super) any: bool,
    /// A query under WITH that is called so too.
    pub(super) own: Option<Ident>,
}

impl Mentions {
    /// Those of the view `name` in a part of a statement. With `is_default` it is called as the default source, and a SELECT
    /// without FROM means it too.
    pub(super) fn of<T: Visit>(part: &T, name: &Ident, is_default: bool) -> Self {
        let mut finder = Finder { name: normal(name), is_default, levels: Vec::new(), found: Self::default() };
        let _ = walk(part, &mut finder);
        finder.found.any |= is_default && lacks_from(part);
        finder.found
    }

    /// Both together.
    pub(super) fn with(self, other: Self) -> Self {
        Self { any: self.any || other.any, own: self.own.or(other.own) }
    }
}

/// Looks for a name where it means the view: not where a query under WITH has it, except in that query itself.
struct Finder {
    name: String,
    is_default: bool,
    levels: Vec<Level>,
    found: Mentions,
}

/// A query that is looked at.
#[derive(Default)]
struct Level {
    /// Where the tree has the query under its WITH that is called so, unless it is recursive.
    own: Option<usize>,
    hides: bool,
    /// It is such a query itself.
    is_own: bool,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let around = self.levels.last();
        let is_own = around.is_some_and(|around| around.own == Some(address(query)));
        let with = query.with.iter();
        let own = with.flat_map(|with| &with.cte_tables).find(|cte| normal(&cte.alias.name) == self.name);
        self.found.own = self.found.own.take().or_else(|| own.map(|cte| cte.alias.name.clone()));
        let is_recursive = query.with.as_ref().is_some_and(|with| with.recursive);
        self.levels.push(Level {
            own: own.filter(|_| !is_recursive).map(|cte| address(&cte.query)),
            hides: own.is_some(),
            is_own,
        });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.levels.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let [part] = relation.0.as_slice() else { return ControlFlow::Continue(()) };
        let Some(name) = part.as_ident().map(normal) else { return ControlFlow::Continue(()) };
        let is_it = name == self.name || (self.is_default && name == PCOLLECTION);
        // From the inside to where the name is given; in the query that has it, it means what stands around.
        let hidden = self.levels.iter().any(|level| level.hides) && !self.levels.iter().any(|level| level.is_own);
        self.found.any |= is_it && !hidden;
        ControlFlow::Continue(())
    }
}
