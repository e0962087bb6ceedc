//! Embeddings: of the library, of `rekindle embed`, and what `similar` and `doctor` make of them.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod support;

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use burn::module::Module;
use rekindle::{
    Device, Embeddings, Model,
    checkpoint::CheckpointFile,
    data::{Preprocess, decode},
    layers::Backbone,
};
use rekindle_doodles::{SIZE, Task, set};
use serde_json::Value;
use support::{doodles, starter};
use tempfile::TempDir;

fn rekindle<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rekindle")).args(arguments).output().unwrap()
}

/// What a command prints on standard output, and on standard error.
fn ends(code: i32, output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{printed}\n{said}");
    (printed, said)
}

/// The arguments of a command on the starter's weights.
fn with_starter(command: &str, more: &[&dyn AsRef<OsStr>]) -> Vec<std::ffi::OsString> {
    let start: [&dyn AsRef<OsStr>; 3] = [&command, &"--weights", &starter()];
    start.iter().chain(more).map(|argument| argument.as_ref().to_owned()).collect()
}

fn pictures(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .flat_map(|label| fs::read_dir(label.unwrap().path()).unwrap())
        .map(|picture| picture.unwrap().path())
        .collect();
    found.sort();
    found
}

fn open_starter() -> Model {
    Model::open(None, &starter(), &Device::flex()).unwrap().0
}

#[test]
fn embeddings_are_the_networks_and_no_batch_changes_them() {
    let data = doodles(3, 1);
    let pictures = pictures(&data.path().join("train"));
    let model = open_starter();
    let network = model.network().valid();
    let backbone = network.backbone();
    let preprocess: Preprocess = model.preprocess().unwrap();
    // Every picture by itself, put together by hand.
    let inputs = |path: &PathBuf| {
        let [channels, height, width] = preprocess.shape();
        let input = preprocess.apply(&decode(path).unwrap()).unwrap();
        let input = burn::tensor::TensorData::new(input, [1, channels, height, width]);
        burn::tensor::Tensor::<4>::from_data(input, &Device::flex())
    };
    let names: Vec<String> = backbone.stages().into_iter().map(|stage| stage.name).collect();
    let stages = names.iter().map(|name| Some(name.as_str())).chain([None]);
    for stage in stages {
        let of = |path: &PathBuf| -> Vec<f32> {
            let row = match stage {
                None => network.embed(inputs(path)),
                Some(stage) => {
                    let cut = names.iter().position(|name| name == stage).unwrap() + 1;
                    network.prefix(cut, inputs(path)).mean()
                }
            };
            row.into_data().iter::<f32>().collect()
        };
        let expected: Vec<Vec<f32>> = pictures.iter().map(of).collect();
        let embed = |pictures: &[PathBuf]| match stage {
            None => model.embed(pictures.iter().cloned()).unwrap(),
            Some(stage) => model.embed_stage(pictures.iter().cloned(), stage).unwrap(),
        };
        assert_eq!(expected[0].len(), model.embed_dim(stage).unwrap());
        assert_ne!(expected[0], expected[1]);
        for batch in [1, 2, 4, 9] {
            let found: Vec<Vec<f32>> = pictures.chunks(batch).flat_map(embed).collect();
            assert!(found == expected, "stage {stage:?} in batches of {batch}");
        }
    }
    assert!(model.embed(Vec::<PathBuf>::new()).unwrap().is_empty());
    let error = model.embed_stage(pictures, "layer9").unwrap_err().to_string();
    assert!(error.contains("`layer9`") && error.contains("layer3"), "{error}");
}

#[test]
fn the_maker_tells_networks_apart_and_not_their_heads() {
    let model = open_starter();
    let maker = model.maker(None).unwrap();
    let labels = ["a", "b"].map(str::to_owned);
    let (other_head, _) =
        Model::for_labels(None, Some(&starter()), &labels, &Device::flex()).unwrap();
    assert_eq!(other_head.maker(None).unwrap().difference(&maker), None);
    let fresh = open_starter().untrained(&Device::flex()).unwrap().maker(None).unwrap();
    let stage = model.maker(Some("layer2")).unwrap();
    for (other, said) in [(fresh, "other weights"), (stage, "layer2")] {
        assert!(other.difference(&maker).unwrap().contains(said));
    }
}

#[test]
fn a_file_of_every_format_holds_the_same() {
    let data = doodles(4, 2);
    let out = tempfile::tempdir().unwrap();
    let model = open_starter();
    let mut all = Vec::new();
    let parquet = cfg!(feature = "parquet").then_some("x.parquet");
    for name in ["x.safetensors", "x.npy", "x.jsonl"].into_iter().chain(parquet) {
        let file = out.path().join(name);
        let arguments = with_starter(
            "embed",
            &[&"--data", &data.path(), &"--batch", &"5", &"--json", &"--out", &file],
        );
        let (printed, said) = ends(0, &rekindle(arguments));
        assert_eq!(said, "");
        let summary: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(summary["embeddings"], 18, "{summary}");
        assert_eq!((&summary["dim"], &summary["left_out"]), (&64.into(), &0.into()));
        for file in summary["files"].as_array().unwrap() {
            assert!(Path::new(file.as_str().unwrap()).is_file());
        }
        all.push(Embeddings::open(&file).unwrap());
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    let found = &all[0];
    assert_eq!(found.maker(), Some(&model.maker(None).unwrap()));
    let expected = model.embed(found.items().iter().map(PathBuf::from)).unwrap();
    for (place, row) in expected.iter().enumerate() {
        assert_eq!(found.row(place), row);
        let folder = Path::new(&found.items()[place]).parent().unwrap();
        assert_eq!(folder.file_name().unwrap().to_str(), Some(found.labels()[place].as_str()));
    }
    // Other programs find the tensor by its name.
    let file = CheckpointFile::open(&out.path().join("x.safetensors")).unwrap();
    assert_eq!(file.get("embeddings").unwrap().shape, [18, 64]);
    let items: Vec<String> = serde_json::from_str(&file.metadata()["items"]).unwrap();
    assert_eq!(items, found.items());
    let line = fs::read_to_string(out.path().join("x.jsonl")).unwrap();
    let line: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(line["item"], found.items()[0].as_str());
    assert_eq!(line["label"], found.labels()[0].as_str());
    assert_eq!(line["embedding"].as_array().unwrap().len(), 64);
    let files = 7 + usize::from(parquet.is_some());
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), files, "nothing is left aside");
}

#[test]
fn pictures_are_taken_however_they_are_named() {
    let data = doodles(2, 1);
    let all = pictures(&data.path().join("train"));
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("x.jsonl");
    let labelled = out.path().join("labelled.tsv");
    let bare = out.path().join("bare.csv");
    let lines = out.path().join("several.jsonl");
    let [mut with, mut without] = ["path\tlabel\n", "file,width\n"].map(str::to_owned);
    let mut several = String::new();
    for picture in &all {
        with += &format!("{}\tant\n", picture.display());
        without += &format!("{},32\n", picture.display());
        let labels = ["b", "a"];
        several += &format!("{}\n", serde_json::json!({ "path": picture, "labels": labels }));
    }
    for (path, text) in [(&labelled, with), (&bare, without), (&lines, several)] {
        fs::write(path, text).unwrap();
    }
    let train = data.path().join("train");
    let named: Vec<&dyn AsRef<OsStr>> = all.iter().map(|path| path as &dyn AsRef<OsStr>).collect();
    let cases: [(Vec<&dyn AsRef<OsStr>>, &str); 8] = [
        (named, ""),
        (vec![&train], ""),
        (vec![&"-"], ""),
        (vec![&labelled], "ant"),
        (vec![&bare], ""),
        (vec![&"--data", &labelled], "ant"),
        (vec![&"--data", &bare], ""),
        (vec![&"--data", &lines], "a|b"),
    ];
    let mut rows: Option<BTreeSet<String>> = None;
    for (arguments, label) in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
        let more: [&dyn AsRef<OsStr>; 3] = [&"--out", &file, &"--json"];
        let more: Vec<&dyn AsRef<OsStr>> = more.into_iter().chain(arguments).collect();
        command.args(with_starter("embed", &more)).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let input: String = all.iter().map(|path| format!("{}\n", path.display())).collect();
        // A command that reads none of it may be gone by now.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        ends(0, &child.wait_with_output().unwrap());
        let found = Embeddings::open(&file).unwrap();
        assert_eq!(found.len(), 6);
        assert!(found.labels().iter().all(|found| found == label), "{:?}", found.labels());
        let found = (0..6).map(|at| format!("{} {:?}", found.items()[at], found.row(at)));
        let found: BTreeSet<String> = found.collect();
        assert_eq!(*rows.get_or_insert_with(|| found.clone()), found);
    }
}

#[test]
fn what_cannot_be_read_is_left_out_and_said() {
    let data = doodles(2, 1);
    let folder = data.path().join("train");
    let broken = pictures(&folder)[0].with_file_name("broken.png");
    fs::write(&broken, "no picture").unwrap();
    let out = data.path().join("x.safetensors");
    let embed = |more: &[&dyn AsRef<OsStr>]| {
        let start: [&dyn AsRef<OsStr>; 2] = [&"--out", &out];
        let all: Vec<&dyn AsRef<OsStr>> = start.iter().chain(more).copied().collect();
        rekindle(with_starter("embed", &all))
    };
    let (_, said) = ends(1, &embed(&[&folder]));
    assert!(said.contains("broken.png") && said.contains("1 of 7 pictures"), "{said}");
    let found = Embeddings::open(&out).unwrap();
    assert_eq!(found.len(), 6);
    assert!(found.items().iter().all(|item| !item.contains("broken")));
    let before = fs::read(&out).unwrap();
    let (_, said) = ends(1, &embed(&[&broken]));
    assert!(said.contains("none of 1 pictures can be read"), "{said}");
    assert_eq!(fs::read(&out).unwrap(), before);
    // Nothing is computed where it could not be written.
    for (name, said) in [("x.csv", ".safetensors"), ("none/x.npy", "no folder to write into")] {
        let path = data.path().join(name);
        let output = rekindle(with_starter("embed", &[&"--out", &path, &folder]));
        let (_, complained) = ends(1, &output);
        assert!(complained.contains(said) && !complained.contains("broken"), "{complained}");
    }
    let (_, said) = ends(1, &embed(&[&"--stage", &"layer9", &folder]));
    assert!(said.contains("layer9") && said.contains("layer3"), "{said}");
}

#[test]
fn neighbors_are_those_of_the_embeddings() {
    let data = doodles(6, 2);
    let train = data.path().join("train");
    let query = pictures(&data.path().join("val")).remove(0);
    let model = open_starter();
    for (name, more) in [
        ("x.safetensors", vec![]),
        ("x.npy", vec!["--normalize"]),
        ("x.jsonl", vec!["--stage", "layer2"]),
        ("x.parquet", vec![]),
    ] {
        if name == "x.parquet" && !cfg!(feature = "parquet") {
            continue;
        }
        let file = data.path().join(name);
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"--data", &train, &"--out", &file];
        arguments.extend(more.iter().map(|more| more as &dyn AsRef<OsStr>));
        ends(0, &rekindle(with_starter("embed", &arguments)));
        let embeddings = Embeddings::open(&file).unwrap();
        let item = embeddings.items()[3].clone();
        let stage = (name == "x.jsonl").then_some("layer2");
        let of_query = match stage {
            None => model.embed([query.clone()]).unwrap(),
            Some(stage) => model.embed_stage([query.clone()], stage).unwrap(),
        };
        let asked: [&dyn AsRef<OsStr>; 7] =
            [&query, &item, &"--in", &file, &"--top", &"4", &"--json"];
        let (printed, said) = ends(0, &rekindle(with_starter("similar", &asked)));
        assert_eq!(said, "");
        let lines: Vec<Value> =
            printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = [
            embeddings.neighbors(&of_query[0], 4, None),
            embeddings.neighbors(embeddings.row(3), 4, Some(3)),
        ];
        assert_eq!(lines.len(), 2);
        for (line, expected) in lines.iter().zip(expected) {
            let found = line["neighbors"].as_array().unwrap();
            assert_eq!(found.len(), 4);
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(found["item"], embeddings.items()[expected.place].as_str());
                assert_eq!(found["label"], embeddings.labels()[expected.place].as_str());
                let similarity = found["similarity"].as_f64().unwrap();
                assert_eq!(similarity as f32, expected.similarity);
            }
        }
        // A name in the file takes no weights.
        let alone =
            rekindle([OsStr::new("similar"), item.as_ref(), "--in".as_ref(), file.as_ref()]);
        let (printed, _) = ends(0, &alone);
        assert_eq!(printed.lines().count(), 11, "{printed}");
        let csv = ["similar", "--format", "csv", "--top", "2", "--in"];
        let csv = csv.iter().map(OsStr::new).chain([file.as_os_str(), item.as_ref()]);
        let (printed, _) = ends(0, &rekindle(csv));
        assert_eq!(printed.lines().next(), Some("query,rank,item,label,similarity"));
        assert_eq!(printed.lines().count(), 3, "{printed}");
    }
}

#[test]
fn embeddings_of_another_model_are_refused() {
    let data = doodles(3, 1);
    let train = data.path().join("train");
    let query = pictures(&data.path().join("val")).remove(0);
    let file = data.path().join("x.npy");
    ends(0, &rekindle(with_starter("embed", &[&train, &"--out", &file])));
    let other = data.path().join("other.safetensors");
    open_starter().untrained(&Device::flex()).unwrap().save(&other, None).unwrap();
    let similar = |weights: Option<&Path>, more: &[&str]| {
        let mut arguments: Vec<&OsStr> = vec!["similar".as_ref(), query.as_ref()];
        arguments.extend(["--in".as_ref(), file.as_os_str()]);
        arguments.extend(weights.iter().flat_map(|path| ["--weights".as_ref(), path.as_os_str()]));
        arguments.extend(more.iter().map(OsStr::new));
        rekindle(arguments)
    };
    for (weights, more, said) in [
        (None, vec![], "not among the pictures"),
        (Some(&other), vec![], "other weights of `resnet20_cifar`"),
        (Some(&starter()), vec!["--stage", "layer2"], "stage `layer2`"),
        (Some(&starter()), vec!["--stage", "layer9"], "layer9"),
    ] {
        let (_, complained) = ends(1, &similar(weights.map(PathBuf::as_path), &more));
        assert!(complained.contains(said), "{said}: {complained}");
    }
    // Where nothing says what made them, lengths are compared.
    fs::remove_file(data.path().join("x.npy.maker.json")).unwrap();
    let (_, said) = ends(0, &similar(Some(&starter()), &[]));
    assert!(said.contains("nothing says what made these embeddings"), "{said}");
    let (_, said) = ends(1, &similar(Some(&starter()), &["--stage", "layer1"]));
    assert!(said.contains("64 numbers"), "{said}");
}

/// Doodles of the target's classes in a folder a label, one in 21 under another label, the first of them the `first`th; and the
/// names of those.
fn with_swapped(per_class: usize, first: usize) -> (TempDir, BTreeSet<String>) {
    const EVERY: usize = 21;
    let folder = tempfile::tempdir().unwrap();
    let doodles = Task::Target.doodles();
    let mut swapped = BTreeSet::new();
    for (index, doodle) in set(Task::Target, per_class, 7).into_iter().enumerate() {
        let swap = index % EVERY == first;
        let away = if swap { 1 + index / EVERY % 3 } else { 0 };
        let label = (doodle.label + away) % doodles.len();
        let name = format!("{}/{index}.png", doodles[label].name);
        let path = folder.path().join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let size = SIZE as u32;
        image::RgbImage::from_raw(size, size, doodle.pixels).unwrap().save(path).unwrap();
        if swap {
            swapped.insert(name);
        }
    }
    (folder, swapped)
}

#[test]
fn the_doctor_finds_labels_that_were_swapped() {
    let examine = |folder: &Path, more: &[&dyn AsRef<OsStr>]| -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
        command.arg("doctor").arg(folder).arg("--json");
        let output = more.iter().fold(&mut command, |command, more| command.arg(more)).output();
        let (printed, _) = ends(0, &output.unwrap());
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let doubted = |lines: &[Value]| -> Vec<String> {
        let lines = lines.iter().filter(|line| line["kind"] == "label_error");
        lines.map(|line| line["files"][0].as_str().unwrap().to_owned()).collect()
    };
    let weights: [&dyn AsRef<OsStr>; 2] = [&"--weights", &starter()];
    let [mut planted, mut right, mut invented] = [0; 3];
    for first in [3, 10, 17] {
        let (data, swapped) = with_swapped(60, first);
        let lines = examine(data.path(), &weights);
        let found = doubted(&lines);
        let these = found.iter().filter(|file| swapped.contains(*file)).count();
        planted += swapped.len();
        right += these;
        invented += found.len() - these;
        let scores: Vec<f64> = lines.iter().filter_map(|line| line["score"].as_f64()).collect();
        assert_eq!(scores.len(), found.len());
        assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)));
        assert!(scores.is_sorted_by(|one, other| one >= other), "{scores:?}");
        if first == 3 {
            // Neither threads nor the batch change what is found, and none is doubted without weights.
            let more: [&dyn AsRef<OsStr>; 6] =
                [&"--weights", &starter(), &"--threads", &"1", &"--batch", &"7"];
            assert_eq!(examine(data.path(), &more), lines);
            assert!(doubted(&examine(data.path(), &[])).is_empty());
        }
    }
    // 1714 labels are right; the starter, without training on these classes, mistakes one in ten.
    let found = format!("{right} of {planted} swapped labels found, {invented} invented");
    assert!(planted == 86 && 10 * right >= 8 * planted && invented <= 75, "{found}");
}
