//! Lists of what is known ahead of series.

use std::collections::HashMap;
use std::path::Path;

use rekindle_data::manifest::Table;

use super::beside::{Beside, Placed, placed};
use super::problems::Problems;
use super::regular::Row;
use super::{ReadConfig, long};
use crate::finding::{Finding, chosen};
use crate::{Columns, Error, Panel};

/// Reads what is known ahead of the series of a panel: a list with their names, dates behind their last values, and the known
/// columns; what else it has is not read. Rows of steps that are known already are passed over.
///
/// # Errors
///
/// As [`read_series`](crate::read_series).
pub fn read_known_ahead(
    path: &Path,
    config: &ReadConfig,
    panel: &Panel,
) -> Result<(Panel, Vec<Finding>), Error> {
    let table = Table::open(path)?;
    let mut problems = Problems::new(config);
    let found = long::rows_ahead(path, &table, config, panel, &mut problems)?;
    let columns = Columns { known: config.covariates.known.clone(), ..Columns::default() };
    let beside = Beside::find(path, &table, &columns, &[])?;
    let groups: HashMap<&str, &[Row]> = found.iter().map(|(id, rows)| (&**id, &rows[..])).collect();
    let (mut more, mut used) = (Vec::with_capacity(panel.len()), 0_usize);
    for (place, (series, values)) in panel.iter().enumerate() {
        // Without names, the rows are of all series; several columns of values make several series of one name.
        let rows = groups.get("").or_else(|| groups.get(&*series.id)).or_else(|| {
            let (id, _) = series.id.rsplit_once('/')?;
            groups.get(id)
        });
        let rows = rows.copied().unwrap_or_default();
        let placed = match series.start {
            Some(start) => placed(rows, start, series.frequency),
            None => (values.len()..)
                .zip(rows)
                .map(|(step, row)| Placed { step, row: row.row })
                .collect(),
        };
        used += usize::from(!placed.is_empty());
        let known = beside.tracks().iter().enumerate().map(|(column, at)| {
            let from = panel.known_until(place, column);
            beside.ahead_of(&series.id, &placed, *at, from, &mut problems)
        });
        more.push(known.collect::<Vec<_>>());
    }
    problems.tell([chosen(format!("known ahead: of {used} of {} series", panel.len()))]);
    let refused = problems.is_refused();
    let findings = problems.findings();
    if refused {
        let findings = findings.into_iter().filter(|finding| finding.refused).collect();
        return Err(Error::Findings { path: path.to_owned(), findings });
    }
    Ok((panel.with_known_ahead(&more)?, findings))
}
