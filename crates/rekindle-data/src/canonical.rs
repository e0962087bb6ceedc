//! Data as one text that is the same for the same data: for keys, and to tell whether two runs are alike.

use serde::Serialize;
use serde_json::Value;

/// JSON without spaces whose keys are in byte order, and whose numbers are read back to the last bit.
///
/// A number that JSON has none for (NaN, an infinity) is `null`.
///
/// # Panics
///
/// If a map has keys that are no texts, or a type refuses to be written.
pub fn canonical(data: &impl Serialize) -> String {
    let mut text = String::new();
    match serde_json::to_value(data) {
        Ok(value) => write(&value, &mut text),
        Err(error) => panic!("data that has no JSON: {error}"),
    }
    text
}

/// Sorts by itself: whether a `serde_json::Map` does is a feature that any crate may turn off.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (place, (key, item)) in entries.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(item, text);
            }
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Unordered {
        zebra: f64,
        ant: Option<[usize; 2]>,
        bee: Inner,
    }

    #[derive(Serialize)]
    enum Inner {
        Named { y: f64, x: &'static str },
    }

    #[test]
    fn keys_are_in_order_and_numbers_whole() {
        let data = |zebra, ant| Unordered { zebra, ant, bee: Inner::Named { y: 0.1, x: "a\"b" } };
        for (data, expected) in [
            (
                data(1.0 / 3.0, Some([1, 2])),
                r#"{"ant":[1,2],"bee":{"Named":{"x":"a\"b","y":0.1}},"zebra":0.3333333333333333}"#,
            ),
            (data(-0.0, None), r#"{"ant":null,"bee":{"Named":{"x":"a\"b","y":0.1}},"zebra":-0.0}"#),
            (
                data(f64::NAN, None),
                r#"{"ant":null,"bee":{"Named":{"x":"a\"b","y":0.1}},"zebra":null}"#,
            ),
        ] {
            assert_eq!(canonical(&data), expected);
        }
    }
}
