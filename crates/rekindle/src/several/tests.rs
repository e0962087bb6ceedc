use std::{fs, path::Path};

use burn::tensor::{TensorData, activation::softmax};
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, load, save};
use rekindle_finetune::naming;
use rekindle_language::{EncoderConfig, TextBackbone};
use rekindle_layers::Tokens;
use rekindle_skip::real_data;
use rekindle_transfer::Classifier;

use super::*;

/// The texts that a row's first input reads.
fn texts(example: &Example) -> Vec<&str> {
    match &example.values[0] {
        Value::Texts(texts) => texts.iter().map(|text| &*text.text).collect(),
        Value::Cell(cell) => vec![cell],
        Value::Picture(_) => Vec::new(),
    }
}

#[test]
fn neighbors_are_those_of_the_same_group_in_the_order_of_lines() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.csv");
    let rows = "text,label,group\na1,x,a\nb1,y,b\na2,x,a\nalone,y,\na3,x,a\nlast,y,\n";
    fs::write(&list, rows).unwrap();
    for (context, expected) in [
        (0, &[&["a1"][..], &["a2"], &["a3"], &["alone"], &["b1"], &["last"]]),
        (
            1,
            &[
                &["a1", "", "a2"],
                &["a2", "a1", "a3"],
                &["a3", "a2", ""],
                &["alone", "", ""],
                &["b1", "", ""],
                &["last", "", ""],
            ],
        ),
        (
            2,
            &[
                &["a1", "", "", "a2", "a3"],
                &["a2", "a1", "", "a3", ""],
                &["a3", "a2", "a1", "", ""],
                &["alone", "", "", "", ""],
                &["b1", "", "", "", ""],
                &["last", "", "", "", ""],
            ],
        ),
    ] {
        let inputs = Inputs::default().untrained_text("text", "text", "mean").context(context);
        let gathered = Several::gathered(&inputs.data(&list), TargetKind::Label).unwrap();
        let mut found: Vec<Vec<&str>> = gathered.rows.iter().map(|row| texts(&row.item)).collect();
        found.sort();
        assert_eq!(found, expected, "{context}");
    }
}

#[test]
fn a_row_is_given_by_hand_under_the_names_of_columns() {
    let inputs = Inputs::default().with("b", "width", InputCode::Standardized).with(
        "a",
        "height",
        InputCode::Standardized,
    );
    let row = inputs.example(&[("width", "2"), ("height", "1"), ("more", "3")]).unwrap();
    // In the order of the parts' names, as of a list.
    assert_eq!(row.values, [Value::Cell("1".into()), Value::Cell("2".into())]);
    let error = inputs.example(&[("width", "2")]).unwrap_err().to_string();
    assert!(error.contains("has no cell `height`"), "{error}");
}

#[test]
fn a_config_says_which_columns_are_read() {
    let inputs = Inputs::default()
        .untrained_text("words", "text", "mean")
        .context(2)
        .with("age", "years", InputCode::Standardized)
        .with("journal", "journal", InputCode::Category)
        .one_hot("line", "line_number", 3);
    let text = |text: &str| Value::Texts(vec![text.into(); 5]);
    let cell = |cell: &str| Value::Cell(cell.into());
    let row = |age: &str, journal: &str, words: &str| Example {
        values: vec![cell(age), cell(journal), cell("0"), text(words)],
        name: "".into(),
    };
    let rows = [row("1", "bone", "a b"), row("3", "heart", "b c")];
    let (several, config) = Several::learn(&inputs, &rows.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(several.columns(), inputs.columns());
    let again = HubConfig { classes: 1, labels: vec!["x".to_owned()], ..config.clone() };
    let again = HubConfig::from_json(&again.to_json().unwrap()).unwrap();
    assert_eq!(again.input, config.input);
    // Prepared in the order of the network's parts, from values in the order of names.
    let prepare = several.prepare(&config, &Several::once()).unwrap();
    let found =
        rekindle_data::Prepare::prepare(&prepare, &rows[1], rekindle_data::View::PLAIN, None);
    let found = found.unwrap();
    assert!(matches!(&found[0], PartEncoded::Texts(texts) if texts.len() == 5));
    for (part, expected) in [(1, &[1.0][..]), (2, &[0.0, 1.0]), (3, &[1.0, 0.0, 0.0])] {
        assert!(matches!(&found[part], PartEncoded::Numbers(row) if row == expected), "{part}");
    }
}

/// Names of the reference's tensors, and what they are called here.
const NAMES: [(&str, &str); 6] = [
    ("line_dense.", "parts.0.hidden."),
    ("total_dense.", "parts.1.hidden."),
    ("token_dense.", "parts.2.hidden."),
    ("char_embed.", "parts.3.network.embedding."),
    ("char_lstm.", "parts.3.network.encoder."),
    ("out_dense.", "head."),
];

/// A network of four inputs that Keras trained: its weights fit, and its answers are the same.
#[test]
fn a_network_of_text_characters_and_places_answers_as_its_reference() {
    let Some(data) = real_data() else { return };
    let folder = data.join("weights/skimlit_tribrid");
    let device = Device::flex();
    let characters = EncoderConfig {
        embedding_size: 25,
        hidden_size: 24,
        ..EncoderConfig::scratch("bilstm", 28).unwrap()
    };
    let part = |name: &str, network, hidden| PartConfig {
        name: name.to_owned(),
        network,
        hidden,
        per_item: 1,
    };
    let numbers = |width| PartNetwork::Numbers(Numbers::new(width));
    let parts = vec![
        part("line", numbers(15), Some(32)),
        part("total", numbers(20), Some(32)),
        part("token", numbers(512), Some(128)),
        part("char", PartNetwork::Text(TextBackbone::new(&characters, &device)), None),
    ];
    let network = Classifier::new(Network::new(parts, JoinConfig::default(), &device), 5, &device);
    let file = renamed(&CheckpointFile::open(&folder.join("model.safetensors")).unwrap());
    let (network, report) =
        load(network.clone(), &file.1, &naming(&network), HeadPolicy::Required).unwrap();
    assert!(report.to_string().starts_with("17 loaded"), "{report}");
    let reference = CheckpointFile::open(&folder.join("reference.safetensors")).unwrap();
    let row = |name: &str| {
        let (values, shape) =
            (reference.read_f32(name).unwrap(), &reference.get(name).unwrap().shape);
        Tensor::<2>::from_data(TensorData::new(values, shape.clone()), &device)
    };
    let ids = whole(&folder.join("reference.safetensors"), "char_ids");
    let shape = reference.get("char_ids").unwrap().shape.clone();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, shape), &device);
    let mask = ids.clone().greater_elem(0).float();
    let types = ids.zeros_like();
    let input = vec![
        PartInput::Numbers(row("line_onehot")),
        PartInput::Numbers(row("total_onehot")),
        PartInput::Numbers(row("token_embedding")),
        PartInput::Tokens(Tokens { ids, types, mask }),
    ];
    let found = softmax(network.forward(input), 1).into_data().iter::<f32>().collect::<Vec<f32>>();
    let expected = row("probabilities").into_data().iter::<f32>().collect::<Vec<f32>>();
    let error = found.iter().zip(&expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(error < 1e-5, "{error}");
}

/// The whole numbers of a tensor, where its file says that they are.
fn whole(path: &Path, name: &str) -> Vec<i64> {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let (header, rest) = bytes[8..].split_at(length);
    let header: serde_json::Value = serde_json::from_slice(header).unwrap();
    let at = |end: usize| header[name]["data_offsets"][end].as_u64().unwrap() as usize;
    let numbers = rest[at(0)..at(1)].chunks_exact(8);
    numbers.map(|number| i64::from_le_bytes(number.try_into().unwrap())).collect()
}

/// The same tensors under the names of here, in a folder of their own.
fn renamed(file: &CheckpointFile) -> (tempfile::TempDir, CheckpointFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    write(file, &path);
    let file = CheckpointFile::open(&path).unwrap();
    (folder, file)
}

/// Writes safetensors by hand: the length of a header, the header, the numbers.
fn write(file: &CheckpointFile, path: &Path) {
    let (mut header, mut bytes) = (serde_json::Map::new(), Vec::new());
    for (name, about) in file.tensors() {
        let (from, to) = NAMES.iter().find(|(from, _)| name.starts_with(from)).unwrap();
        let start = bytes.len();
        bytes.extend(file.read_f32(name).unwrap().into_iter().flat_map(f32::to_le_bytes));
        let offsets = [start, bytes.len()];
        let about =
            serde_json::json!({"dtype": "F32", "shape": about.shape, "data_offsets": offsets});
        header.insert(name.replace(from, to), about);
    }
    let header = serde_json::Value::Object(header).to_string();
    let length = (header.len() as u64).to_le_bytes();
    fs::write(path, [&length[..], header.as_bytes(), &bytes].concat()).unwrap();
}

#[test]
fn what_was_saved_answers_the_same_and_lies_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let inputs = Inputs::default()
        .untrained_text("words", "text", "mean")
        .one_hot("line", "line_number", 3)
        .join(4, 0.5);
    let row = |text: &str, line: &str| Example {
        values: vec![Value::Cell(line.into()), Value::Texts(vec![text.into()])],
        name: "".into(),
    };
    let rows = [row("a b", "0"), row("b c d", "2")];
    let learned = Several::learn(&inputs, &rows.iter().collect::<Vec<_>>()).unwrap();
    let task = rekindle_train::Classify::new(2);
    let names = ["x".to_owned(), "y".to_owned()];
    let (model, _) = ModelOf::begun(learned, None, &task, &names, &device).unwrap();
    let path = folder.path().join("model.safetensors");
    model.save(&path, None).unwrap();
    let (again, _) = ModelOf::<Several>::open(None, &path, &device).unwrap();
    assert_eq!(again.config(), model.config());
    let answer = |model: &ModelOf<Several>| model.predict(rows.clone()).unwrap();
    assert_eq!(answer(&again), answer(&model));
    let row = again.modality().example(&[("text", "a b"), ("line_number", "0")]).unwrap();
    assert_eq!(row, rows[0]);
    // Files that lie about themselves.
    let metadata = crate::model::metadata(model.modality(), model.config(), None, None).unwrap();
    for (from, to, named) in [
        ("\"hidden\":4", "\"hidden\":9999999999", "join.hidden is 9999999999"),
        ("\"depth\":3", "\"depth\":0", "one_hot is 0"),
        ("\"depth\":3", "\"deep\":3", "deep"),
        ("\"context\":0", "\"context\":99", "context is 99"),
        ("\"name\":\"words\"", "\"name\":\"line\"", "twice"),
        ("\"depth\":3", "\"depth\":4", "join.weight"),
    ] {
        let mut lying = metadata.clone();
        let said = lying.get_mut("inputs").unwrap();
        let lie = said.replace(from, to);
        assert_ne!(lie, *said, "{from}");
        *said = lie;
        save(model.network(), &path, &naming(model.network()), &lying).unwrap();
        let error = match ModelOf::<Several>::open(None, &path, &device) {
            Ok(_) => panic!("{to} is believed"),
            Err(error) => rekindle_base::causes(&error),
        };
        assert!(error.contains(named), "no `{named}` in: {error}");
    }
}
