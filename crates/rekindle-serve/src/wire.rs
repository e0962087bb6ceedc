//! Bodies of requests and answers as JSON. Lists have a most, so that a short body cannot become a large one in memory.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, SeqAccess, Visitor},
};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{MAX_ITEMS, model::Named};

/// Most labels of a lesson.
pub(crate) const MAX_LABELS: usize = 1000;
/// Most examples of a lesson.
pub(crate) const MAX_EXAMPLES: usize = 20_000;
/// Most columns of a row.
const MAX_COLUMNS: usize = 4096;

/// Items to predict or embed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemsBody {
    /// Which model, where there are several; else `?model=`.
    pub(crate) model: Option<String>,
    /// Most labels of an answer; else `?top=`, else 5.
    pub(crate) top: Option<usize>,
    #[serde(deserialize_with = "capped::<_, _, MAX_ITEMS>")]
    pub(crate) items: Vec<ItemBody>,
}

/// One of a picture, a text and a row.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemBody {
    /// The file of a picture, in base64.
    pub(crate) image: Option<String>,
    /// A text.
    pub(crate) text: Option<String>,
    /// What is read beside the text, by models of pairs.
    pub(crate) pair: Option<String>,
    /// Cells by the names of their columns: texts, numbers, booleans; null is an empty one.
    #[serde(default, deserialize_with = "row")]
    #[schema(value_type = Option<Object>)]
    pub(crate) row: Option<BTreeMap<String, String>>,
}

/// An item, or its embedding, to find others like it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SimilarBody {
    pub(crate) model: Option<String>,
    /// Most neighbors; 10 unless said otherwise.
    pub(crate) top: Option<usize>,
    /// As /v1/embed gives it.
    pub(crate) embedding: Option<Vec<f32>>,
    pub(crate) item: Option<ItemBody>,
}

/// Embeddings with their labels.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeachBody {
    pub(crate) model: Option<String>,
    /// Two or more.
    #[serde(deserialize_with = "capped::<_, _, MAX_LABELS>")]
    pub(crate) labels: Vec<String>,
    #[serde(deserialize_with = "capped::<_, _, MAX_EXAMPLES>")]
    pub(crate) examples: Vec<ExampleBody>,
}

/// An embedding with its label.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExampleBody {
    /// The place of its label among `labels`.
    pub(crate) label: usize,
    /// As /v1/embed gives it.
    pub(crate) embedding: Vec<f32>,
}

/// An item to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataBody {
    pub(crate) model: Option<String>,
    /// The folder that it is put into.
    pub(crate) label: String,
    /// What the file is called; its ending follows from what it holds. A number unless said otherwise.
    pub(crate) name: Option<String>,
    /// The file of a picture, in base64.
    pub(crate) image: Option<String>,
    pub(crate) text: Option<String>,
}

/// What is known of each model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelsAnswer {
    pub(crate) models: Vec<Named>,
    /// Whether there is a folder that items are kept in, by /v1/data.
    pub(crate) keeps: bool,
}

/// An answer an item.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PredictAnswer {
    pub(crate) model: String,
    #[schema(value_type = Vec<PredictionSchema>)]
    pub(crate) predictions: Vec<Value>,
}

/// The answer to an item, as `rekindle predict --json` gives it.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what models answer")]
pub(crate) struct PredictionSchema {
    /// Labels, the most likely first; none where numbers are predicted.
    top: Option<Vec<GuessSchema>>,
    /// Of several labels those that the item has.
    labels: Option<Vec<String>>,
    /// Numbers by their columns.
    #[schema(value_type = Option<Object>)]
    numbers: Option<BTreeMap<String, f32>>,
}

/// A label with its probability.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what models answer")]
pub(crate) struct GuessSchema {
    label: String,
    /// Its place among the outputs.
    index: usize,
    /// In `[0, 1]`.
    probability: f32,
}

/// A vector an item.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbedAnswer {
    pub(crate) model: String,
    pub(crate) dim: usize,
    pub(crate) embeddings: Vec<Vec<f32>>,
}

/// Where something was put, within the folder of data.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DataAnswer {
    pub(crate) stored: String,
}

/// What is wrong.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what problems look like")]
pub(crate) struct ErrorAnswer {
    error: ErrorSchema,
}

/// What is wrong: a word for programs, a sentence for people, and the part of the request.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what problems look like")]
pub(crate) struct ErrorSchema {
    code: String,
    message: String,
    field: Option<String>,
}

/// A list of at most so many.
fn capped<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MOST: usize>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct Capped<T, const MOST: usize>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Capped<T, MOST> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut found = Vec::new();
            while let Some(next) = list.next_element()? {
                if found.len() == MOST {
                    return Err(de::Error::invalid_length(MOST + 1, &self));
                }
                found.push(next);
            }
            Ok(found)
        }
    }
    deserializer.deserialize_seq(Capped::<T, MOST>(PhantomData))
}

/// The text of a cell.
struct Cell(String);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfCell;
        impl Visitor<'_> for OfCell {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, a boolean or null")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell(text.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Cell, E> {
                Ok(Cell(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Cell, E> {
                Ok(Cell(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Cell, E> {
                Ok(Cell(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Cell, E> {
                Ok(Cell(value.to_string()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Cell, E> {
                Ok(Cell(String::new()))
            }
        }
        deserializer.deserialize_any(OfCell)
    }
}

fn row<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    struct OfRow;
    impl<'de> Visitor<'de> for OfRow {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an object of at most {MAX_COLUMNS} columns")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut cells = BTreeMap::new();
            while let Some((column, Cell(cell))) = map.next_entry::<String, Cell>()? {
                if cells.len() == MAX_COLUMNS {
                    return Err(de::Error::invalid_length(MAX_COLUMNS + 1, &self));
                }
                cells.insert(column, cell);
            }
            Ok(cells)
        }
    }
    deserializer.deserialize_map(OfRow).map(Some)
}
