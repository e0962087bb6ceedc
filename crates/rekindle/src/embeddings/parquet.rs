//! Embeddings as a table in Apache Parquet: a row an item.

use std::{
    io::Write,
    panic::catch_unwind,
    path::{Path, PathBuf},
    sync::Arc,
};

use parquet::{
    basic::{LogicalType, Repetition, Type as Physical},
    data_type::{ByteArray, ByteArrayType, FloatType},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        reader::{FileReader, SerializedFileReader},
        writer::SerializedFileWriter,
    },
    record::{Field, Row},
    schema::types::{Type, TypePtr},
};
use rekindle_base::{AtomicFile, open_regular};
use serde_json::json;

use super::{Embeddings, MAX_FILE_BYTES, unwritable, wrong};
use crate::Error;

/// Items that are written at once.
const GROUP: usize = 1 << 16;
/// Names of the columns, and of what made them.
const ITEM: &str = "item";
const LABEL: &str = "label";
const EMBEDDING: &str = "embedding";
const MAKER: &str = "maker";

pub(super) fn save(embeddings: &Embeddings, path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut file = AtomicFile::create(path).map_err(unwritable(path))?;
    let problem = |error| wrong(path, format!("cannot be written: {error}"));
    write(embeddings, &mut file).map_err(problem)?;
    file.commit().map_err(unwritable(path))?;
    Ok(vec![path.to_owned()])
}

fn write(embeddings: &Embeddings, file: &mut (impl Write + Send)) -> Result<(), ParquetError> {
    let maker = embeddings.maker.as_ref().map(|maker| json!(maker).to_string());
    let maker = maker.map(|text| vec![KeyValue::new(MAKER.to_owned(), text)]);
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

/// What [`save`] writes, or other programs with the same columns, whose order is theirs: `item` and `label` may lack.
pub(super) fn open(path: &Path) -> Result<Embeddings, Error> {
    // The reader panics at some files that are damaged.
    let found = catch_unwind(|| read(path));
    found.unwrap_or_else(|_| Err(wrong(path, "is damaged; embed once more")))
}

fn read(path: &Path) -> Result<Embeddings, Error> {
    let broken = |error: &dyn std::fmt::Display| {
        wrong(path, format!("cannot be read: {error}; embed once more"))
    };
    let file = open_regular(path).map_err(|error| broken(&error))?;
    let reader = SerializedFileReader::new(file).map_err(|error| broken(&error))?;
    let columns = reader.metadata().row_groups().iter().flat_map(|group| group.columns());
    let bytes = columns.map(|column| u64::try_from(column.uncompressed_size()).unwrap_or(u64::MAX));
    if bytes.fold(0, u64::saturating_add) > MAX_FILE_BYTES {
        let text =
            format!("holds more than the limit of {MAX_FILE_BYTES} bytes, unpacked; split it");
        return Err(wrong(path, text));
    }
    let metadata = reader.metadata().file_metadata();
    let maker = metadata.key_value_metadata().into_iter().flatten();
    let maker = maker.filter(|pair| pair.key == MAKER).find_map(|pair| pair.value.as_deref());
    let maker = maker.map(serde_json::from_str).transpose();
    let maker = maker.map_err(|error| broken(&format!("its `{MAKER}`: {error}")))?;
    let mut columns = metadata.schema().get_fields().iter().map(|field| field.name());
    if !columns.any(|name| name == EMBEDDING) {
        let text = format!("has no column `{EMBEDDING}`; give a file that `rekindle embed` wrote");
        return Err(wrong(path, text));
    }
    let mut found: Option<Embeddings> = None;
    for (place, row) in reader.get_row_iter(None).map_err(|error| broken(&error))?.enumerate() {
        let row = row.map_err(|error| broken(&error))?;
        let Some(values) = values(&row) else {
            let text = format!("row {place} has no list of numbers; embed once more");
            return Err(wrong(path, text));
        };
        let found = found.get_or_insert_with(|| Embeddings::new(values.len(), maker.clone()));
        if values.len() != found.dim {
            let (now, before) = (values.len(), found.dim);
            let text = format!("row {place} has {now} numbers, those before {before}");
            return Err(wrong(path, text + "; embed once more"));
        }
        let item = text(&row, ITEM).unwrap_or_else(|| format!("#{place}"));
        found.push(item, text(&row, LABEL).unwrap_or_default(), &values);
    }
    found.ok_or_else(|| wrong(path, "holds no embeddings; embed once more"))
}

fn field<'a>(row: &'a Row, column: &str) -> Option<&'a Field> {
    row.get_column_iter().find(|(name, _)| *name == column).map(|(_, field)| field)
}

fn text(row: &Row, column: &str) -> Option<String> {
    match field(row, column)? {
        Field::Str(text) => Some(text.clone()),
        Field::Bytes(bytes) => Some(String::from_utf8_lossy(bytes.data()).into_owned()),
        _ => None,
    }
}

/// The embedding; none where it is no list, or something in it is not a number.
fn values(row: &Row) -> Option<Vec<f32>> {
    let Field::ListInternal(values) = field(row, EMBEDDING)? else { return None };
    let value = |value: &Field| match value {
        Field::Float(value) => Some(*value),
        Field::Double(value) => Some(*value as f32),
        _ => None,
    };
    values.elements().iter().map(value).collect()
}

/// Text columns, and a list of numbers in the three levels that Parquet has for lists.
fn schema(labelled: bool) -> Result<TypePtr, ParquetError> {
    let words = |name: &str| -> Result<TypePtr, ParquetError> {
        let column = Type::primitive_type_builder(name, Physical::BYTE_ARRAY);
        let column = column.with_repetition(Repetition::REQUIRED);
        Ok(Arc::new(column.with_logical_type(Some(LogicalType::String)).build()?))
    };
    let value = Type::primitive_type_builder("element", Physical::FLOAT);
    let value = value.with_repetition(Repetition::REQUIRED).build()?;
    let list = Type::group_type_builder("list").with_repetition(Repetition::REPEATED);
    let list = list.with_fields(vec![Arc::new(value)]).build()?;
    let rows = Type::group_type_builder(EMBEDDING).with_repetition(Repetition::REQUIRED);
    let rows = rows.with_logical_type(Some(LogicalType::List));
    let rows = rows.with_fields(vec![Arc::new(list)]).build()?;
    let mut columns = vec![words(ITEM)?];
    if labelled {
        columns.push(words(LABEL)?);
    }
    columns.push(Arc::new(rows));
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(columns).build()?))
}
