//! Embeddings as a table in Apache Parquet: a row an item.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use parquet::{
    basic::{LogicalType, Repetition, Type as Physical},
    data_type::{ByteArray, ByteArrayType, FloatType},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::{Type, TypePtr},
};
use rekindle_base::AtomicFile;
use serde_json::json;

use super::{Embeddings, unwritable, wrong};
use crate::Error;

/// Items that are written at once.
const GROUP: usize = 1 << 16;

pub(super) fn save(embeddings: &Embeddings, path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut file = AtomicFile::create(path).map_err(unwritable(path))?;
    let problem = |error| wrong(path, format!("cannot be written: {error}"));
    write(embeddings, &mut file).map_err(problem)?;
    file.commit().map_err(unwritable(path))?;
    Ok(vec![path.to_owned()])
}

fn write(embeddings: &Embeddings, file: &mut (impl Write + Send)) -> Result<(), ParquetError> {
    let maker = embeddings.maker.as_ref().map(|maker| json!(maker).to_string());
    let maker = maker.map(|text| vec![KeyValue::new("maker".to_owned(), text)]);
    let properties = WriterProperties::builder().set_key_value_metadata(maker).build();
    let schema = schema(embeddings.has_labels())?;
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    let dim = embeddings.dim.max(1);
    for first in (0..embeddings.len()).step_by(GROUP) {
        let end = embeddings.len().min(first + GROUP);
        let mut group = writer.next_row_group()?;
        let labels = embeddings.has_labels().then_some(&embeddings.labels);
        for names in [Some(&embeddings.items), labels].into_iter().flatten() {
            let names: Vec<ByteArray> =
                names[first..end].iter().map(|name| name.as_bytes().to_vec().into()).collect();
            if let Some(mut column) = group.next_column()? {
                column.typed::<ByteArrayType>().write_batch(&names, None, None)?;
                column.close()?;
            }
        }
        let values = &embeddings.values[first * dim..end * dim];
        // Each value is there (1), and begins a list (0) or goes on with one (1).
        let begins: Vec<i16> = (0..values.len()).map(|place| i16::from(place % dim > 0)).collect();
        if let Some(mut column) = group.next_column()? {
            let there = vec![1; values.len()];
            column.typed::<FloatType>().write_batch(values, Some(&there), Some(&begins))?;
            column.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

/// Text columns, and a list of numbers in the three levels that Parquet has for lists.
fn schema(labelled: bool) -> Result<TypePtr, ParquetError> {
    let text = |name: &str| -> Result<TypePtr, ParquetError> {
        let column = Type::primitive_type_builder(name, Physical::BYTE_ARRAY);
        let column = column.with_repetition(Repetition::REQUIRED);
        Ok(Arc::new(column.with_logical_type(Some(LogicalType::String)).build()?))
    };
    let value = Type::primitive_type_builder("element", Physical::FLOAT);
    let value = value.with_repetition(Repetition::REQUIRED).build()?;
    let list = Type::group_type_builder("list").with_repetition(Repetition::REPEATED);
    let list = list.with_fields(vec![Arc::new(value)]).build()?;
    let rows = Type::group_type_builder("embedding").with_repetition(Repetition::REQUIRED);
    let rows = rows.with_logical_type(Some(LogicalType::List));
    let rows = rows.with_fields(vec![Arc::new(list)]).build()?;
    let mut columns = vec![text("item")?];
    if labelled {
        columns.push(text("label")?);
    }
    columns.push(Arc::new(rows));
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(columns).build()?))
}
