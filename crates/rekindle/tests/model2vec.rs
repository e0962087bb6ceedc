//! Folders that model2vec writes in Python give the vectors that they give there.

use std::process::Command;

use rekindle::{Device, TextModel};

/// Writes a small model with weights of tokens, and says what it makes of some texts.
const PYTHON: &str = r#"
import json, sys, numpy
from safetensors.numpy import save_file
from model2vec import StaticModel
folder = sys.argv[1]
vocab = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "ant", "bee", "cat"])}
json.dump({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": {"type": "Lowercase"},
    "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
    "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"}}, open(folder + "/tokenizer.json", "w"))
json.dump({"normalize": sys.argv[2] == "yes", "model_type": "model2vec", "hidden_dim": 3, "seq_length": 1000000,
    "architectures": ["StaticModel"], "tokenizer_name": "words"}, open(folder + "/config.json", "w"))
draw = numpy.random.default_rng(0)
table = draw.normal(size=(5, 3)).astype(numpy.float32)
save_file({"embeddings": table, "weights": draw.uniform(0.2, 2, 5)}, folder + "/model.safetensors")
print(json.dumps(StaticModel.from_pretrained(folder).encode(sys.argv[3:]).tolist()))
"#;

#[test]
fn vectors_are_those_of_python() {
    let Some(python) = rekindle_skip::python(&["model2vec", "safetensors"]) else { return };
    let texts = ["ant bee", "Cat wasp ant ant", "wasp", "bee"];
    for normalize in ["yes", "no"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(&python);
        command.args(["-c", PYTHON]).arg(folder.path()).arg(normalize).args(texts);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let expected: Vec<Vec<f32>> = serde_json::from_slice(&output.stdout).unwrap();
        let (model, _) = TextModel::open(None, folder.path(), &Device::flex()).unwrap();
        let found = model.embed(texts).unwrap();
        assert_eq!(found.len(), texts.len());
        for ((text, found), expected) in texts.iter().zip(found).zip(expected) {
            let off = found.iter().zip(&expected).map(|(one, other)| (one - other).abs());
            assert!(off.fold(0.0, f32::max) < 1e-6, "{text}: {found:?} {expected:?}");
        }
    }
}
