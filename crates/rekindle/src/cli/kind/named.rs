//! Items of data with what is right for them.

use rekindle::{
    ItemOf,
    data::{Gathered, Row, TargetKind},
};

use super::{super::output::one_line, Kind};

/// An item that a command was given.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Named<I> {
    /// What it is called where it is shown.
    pub(in crate::cli) name: String,
    pub(in crate::cli) item: I,
    /// Several are separated by `|`; empty where there is none.
    pub(in crate::cli) label: String,
}

/// The items of data with their labels, where they have some; `name` is what one is called, by its place.
pub(super) fn labelled<M: Kind>(
    data: &M::Data,
    name: impl Fn(usize, &ItemOf<M>) -> String,
) -> anyhow::Result<Vec<Named<ItemOf<M>>>> {
    let offer = M::offer(data)?;
    let kind = match (offer.label, offer.labels) {
        (false, true) => TargetKind::Labels,
        (true, _) => TargetKind::Label,
        (false, false) => UNLABELLED,
    };
    items_of::<M>(data, kind, name)
}

/// Numbers, none of which are named.
pub(super) const UNLABELLED: TargetKind = TargetKind::Numbers;

/// The items of data with what is right for them; `name` is what one is called, by its place.
pub(super) fn items_of<M: Kind>(
    data: &M::Data,
    kind: TargetKind,
    name: impl Fn(usize, &ItemOf<M>) -> String,
) -> anyhow::Result<Vec<Named<ItemOf<M>>>> {
    let Gathered { rows, notes, .. } = M::gathered(data, kind)?;
    notes.iter().for_each(|note| complain!("{}", one_line(note)));
    let named = |(place, row): (usize, Row<ItemOf<M>>)| Named {
        name: name(place, &row.item),
        item: row.item,
        // As one cell has them.
        label: row.labels.join("|"),
    };
    Ok(rows.into_iter().enumerate().map(named).collect())
}
