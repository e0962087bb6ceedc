//! The columns of a table: which of them answers depend on, and for which values they are worse.

use super::{figure, table};
use crate::{
    Better, ColumnRecord, ColumnsRecord,
    chart::{BarChart, BarRow, bar_chart},
    markup::{count, escape, value},
};

/// Bars, then a row for each group of each column.
pub(super) fn content(columns: Option<&ColumnsRecord>, better: Better) -> String {
    let Some(found) = columns else { return String::new() };
    let mut order: Vec<(&ColumnRecord, f64)> =
        found.columns.iter().map(|column| (column, found.importance(column, better))).collect();
    order.sort_by(|one, other| other.1.total_cmp(&one.1));
    let bar = |(column, importance): &(&ColumnRecord, f64)| BarRow {
        label: column.name.clone(),
        values: vec![importance.max(0.0)],
    };
    let metric = escape(&found.metric);
    let chart = bar_chart(&BarChart {
        title: format!("Permutation importance, in {}", found.metric),
        series: vec![found.metric.clone()],
        rows: order.iter().map(bar).collect(),
    });
    let words = format!(
        "By how much the {metric} is worse where the cells of a column are shuffled among {} validation rows; {} as they are. Columns that say the same stand in for each other, and are then worth little alone.",
        count(found.rows),
        value(found.whole, found.unit)
    );
    let rows = order.iter().flat_map(|(column, _)| {
        column.groups.iter().map(|group| {
            vec![
                format!("{}: {}", escape(&column.name), escape(&group.name)),
                count(group.rows),
                value(group.value, found.unit),
            ]
        })
    });
    let heads = ["Column", "Rows", &metric].map(str::to_owned);
    let title = format!("{metric} by what is in each column");
    let table = table("numbers", &title, &heads, &rows.collect::<Vec<_>>());
    if found.columns.is_empty() {
        return String::new();
    }
    figure("chart-box", &chart, &words) + &figure("errors-box", &table, "")
}
