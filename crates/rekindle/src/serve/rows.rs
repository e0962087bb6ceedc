//! Rows over a network: cells under the names of columns. Files of this machine are not among them.

use super::{
    Code, Content, InputAbout, Item, Kind, Problem, ServedKind, ServedOptions, other_kind,
};
use crate::{Cells, Example, ModelOf, Several};

impl ServedKind for Several {
    const EXPLAINS: bool = false;
    const UNREADABLE: Code = Code::UnreadableRow;
    const SERVED: Kind = Kind::Rows;

    fn input(model: &ModelOf<Self>) -> InputAbout {
        let columns = model.modality().columns().into_iter().flat_map(|input| input.columns);
        let mut columns: Vec<String> = columns.collect();
        columns.sort();
        columns.dedup();
        InputAbout::Row { columns }
    }

    fn item(model: &ModelOf<Self>, item: &Item, _: &ServedOptions) -> Result<Example, Problem> {
        let Content::Row(row) = &item.content else { return Err(other_kind(item, "rows")) };
        // A cell of one is a path, by which anybody could ask for files of this machine.
        let columns = model.modality().columns();
        if columns.iter().any(|input| input.cells == Cells::Pictures) {
            return Err(Problem::not_supported(
                "reads pictures beside other columns, which is not served yet",
            ));
        }
        let cells: Vec<(&str, &str)> =
            row.iter().map(|(column, cell)| (column.as_str(), cell.as_str())).collect();
        let example = model.modality().example(&cells);
        let example = example.map_err(|error| Self::problem(item, &error))?;
        Ok(Example { name: item.field.as_str().into(), ..example })
    }

    fn ending(item: &Item) -> Result<&'static str, Problem> {
        Err(Problem::of(
            Code::NotSupported,
            &item.field,
            "rows are not kept; pictures and texts are",
        ))
    }
}
