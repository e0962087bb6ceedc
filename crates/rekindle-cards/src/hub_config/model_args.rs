//! timm's `model_args`: what its network is built with besides its name. What would change answers is refused.

use serde_json::{Map, Value};

/// When an argument changes nothing that is computed here.
enum Harmless {
    /// Whatever it is: it acts in training alone, or only says where things lie.
    Always,
    /// Where it is this, the value that every network has.
    If(fn(&Value) -> bool),
    /// Where it is the input's number of channels.
    Channels,
    /// Where it is the input's height and width.
    Size,
    /// Where it is the number of classes.
    Classes,
}

use Harmless::{Always, Channels, Classes, If, Size};

const ARGUMENTS: [(&str, Harmless); 9] = [
    ("drop_rate", Always),
    ("drop_path_rate", Always),
    ("drop_block_rate", Always),
    ("global_pool", If(|value| value == "avg")),
    ("output_stride", If(|value| *value == 32)),
    ("features_only", If(|value| *value == false)),
    ("in_chans", Channels),
    ("img_size", Size),
    ("num_classes", Classes),
];

/// One line an argument that would make timm's network another than ours.
pub(super) fn problems(
    arguments: &Map<String, Value>,
    [channels, height, width]: [usize; 3],
    classes: usize,
) -> Vec<String> {
    let size = |value: &Value| match value {
        Value::Array(sides) => sides.iter().eq([height, width].iter()),
        side => height == width && *side == height,
    };
    let mut problems = Vec::new();
    for (name, value) in arguments.iter().filter(|(_, value)| !value.is_null()) {
        let row = ARGUMENTS.iter().find(|(known, _)| known == name);
        let harmless = row.is_some_and(|(_, harmless)| match harmless {
            Always => true,
            If(is) => is(value),
            Channels => *value == channels,
            Size => size(value),
            Classes => *value == classes,
        });
        if !harmless {
            // A hostile value is quoted in part only.
            let name: String = name.chars().take(40).collect();
            let quoted: String = value.to_string().chars().take(40).collect();
            problems.push(format!(
                "model_args.{name} is {quoted}, which this version has no network for: answers would be others than timm's"
            ));
        }
    }
    problems
}
