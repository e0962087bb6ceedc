//! `rekindle serve` with real models: it answers what the commands do, whatever else it is sent.
#![cfg(feature = "serve")]
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rekindle::{
    Device, Inputs, ModelOf, TextModel,
    serve::{Code, Content, Item, Served, ServedModel, ServedOptions, Shown},
    text::Text,
    train::Classify,
};
use rekindle_loopback::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/program.rs"]
mod program;
#[path = "support/serving.rs"]
mod serving;
mod support;

use program::{objects, printed, refused, text};
use serving::Serving;
use support::{doodles, starter};

/// The pictures below a folder with their labels, in order.
fn pictures(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for label in fs::read_dir(folder).unwrap() {
        let label = label.unwrap().path();
        let name = label.file_name().unwrap().to_str().unwrap().to_owned();
        let files = fs::read_dir(&label).unwrap();
        found.extend(files.map(|file| (name.clone(), file.unwrap().path())));
    }
    found.sort();
    found
}

/// Embeddings and labels of pictures, from a server.
fn embedded(client: &mut Client, pictures: &[(String, PathBuf)]) -> Vec<Value> {
    let form: Vec<u8> = pictures.iter().flat_map(|(_, path)| part(path)).collect();
    let form = [&form, &b"--b--"[..]].concat();
    let reply = client.post("/v1/embed", "multipart/form-data; boundary=b", &form).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["embeddings"].as_array().unwrap().clone()
}

fn part(path: &Path) -> Vec<u8> {
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n";
    [head.as_bytes(), &fs::read(path).unwrap(), b"\r\n"].concat()
}

#[test]
fn a_server_answers_what_the_commands_do() {
    let data = doodles(2, 1);
    let folder = data.path().join("train");
    let neighbors = data.path().join("known.jsonl");
    let weights = starter();
    let asked = ["--weights", text(&weights)];
    let out = ["--data", text(&folder), "--out", text(&neighbors)];
    printed(&[&["embed"], &asked[..], &out].concat());
    let known: Vec<Value> = fs::read_to_string(&neighbors)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();

    let server = Serving::of_starter(&["--neighbors", text(&neighbors)]);
    let mut client = server.client();
    let about = &client.get("/v1/models").unwrap().json()["models"][0];
    for (key, expected) in [
        ("name", json!("resnet20_cifar.doodles")),
        ("kind", json!("pictures")),
        ("task", json!("label")),
        ("input", json!({ "height": 32, "width": 32 })),
        ("embed_dim", json!(64)),
        ("neighbors", json!(true)),
        ("origin", json!("resnet20_cifar.doodles.safetensors")),
    ] {
        assert_eq!(about[key], expected, "{key}");
    }
    let pictures = pictures(&folder);
    let paths: Vec<&str> = pictures.iter().map(|(_, path)| text(path)).collect();
    let predicted = objects(&[&["predict", "--json", "--top", "3"], &asked[..], &paths].concat());
    let rows = embedded(&mut client, &pictures);
    for (place, (label, path)) in pictures.iter().enumerate() {
        let bytes = fs::read(path).unwrap();
        let reply = client.post("/v1/predict?top=3", "image/png", &bytes).unwrap().json();
        assert_eq!(reply["predictions"][0]["top"], predicted[place]["top"], "{label}");
        let line = known.iter().find(|line| line["item"].as_str().unwrap().ends_with(text(path)));
        assert_eq!(rows[place], line.unwrap()["embedding"], "{label}");
        let body = json!({ "embedding": rows[place], "top": 2 }).to_string();
        let reply = client.post("/v1/similar", "application/json", body.as_bytes()).unwrap();
        let nearest = &reply.json()["neighbors"][0];
        assert_eq!(nearest["label"], json!(label), "{}", reply.text());
        assert!(nearest["similarity"].as_f64().unwrap() > 0.999);
    }
    let bytes = fs::read(&pictures[0].1).unwrap();
    for (query, expected) in [
        ("", predicted[0]["top"][0]["label"].clone()),
        ("?label=heart", json!("heart")),
        ("?label=0", json!("ring")),
    ] {
        let reply = client.post(&format!("/v1/explain{query}"), "image/png", &bytes).unwrap();
        let found = reply.json();
        assert_eq!(found["label"], expected, "{query}");
        assert_eq!(found["map"].as_array().unwrap().len(), 8, "{query}");
        assert!(found["overlay"].as_str().unwrap().starts_with("iVBOR"), "a PNG");
    }
    let reply = client.post("/v1/explain?label=cow", "image/png", &bytes).unwrap();
    assert_eq!((reply.status, reply.json()["error"]["field"].clone()), (400, json!("label")));
    server.terminate();
    let (code, said) = server.ended();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_head_is_taught_and_its_file_predicts_what_the_head_does() {
    let data = doodles(12, 1);
    let pictures = pictures(&data.path().join("train"));
    let mut names: Vec<&str> = pictures.iter().map(|(label, _)| label.as_str()).collect();
    names.dedup();
    let server = Serving::of_starter(&[]);
    let mut client = server.client();
    let rows = embedded(&mut client, &pictures);
    let examples = pictures.iter().zip(&rows).map(|((label, _), row)| {
        json!({ "label": names.iter().position(|name| name == label), "embedding": row })
    });
    let body = json!({ "labels": names, "examples": examples.collect::<Vec<_>>() }).to_string();
    let start = Instant::now();
    let reply = client.post("/v1/teach", "application/json", body.as_bytes()).unwrap();
    let took = start.elapsed();
    let taught = reply.json();
    assert_eq!(taught["method"], "leave-one-out", "{}", reply.text());
    let wrong = taught["wrong"].as_array().unwrap().len();
    let accuracy = taught["accuracy"].as_f64().unwrap();
    assert_eq!(accuracy, 1.0 - wrong as f64 / pictures.len() as f64);
    assert!(accuracy > 0.8, "{accuracy}, in {took:?}");
    let [low, high] = [0, 1].map(|end| taught["interval"][end].as_f64().unwrap());
    assert!(low <= accuracy && accuracy <= high && low < high, "{low} to {high}");
    assert!((taught["chance"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-9);

    let reply = client.post("/v1/teach/model", "application/json", body.as_bytes()).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let file = data.path().join("taught.safetensors");
    fs::write(&file, &reply.body).unwrap();
    let paths: Vec<&str> = pictures.iter().map(|(_, path)| text(path)).collect();
    let found = objects(&[&["predict", "--json", "--weights", text(&file)], &paths[..]].concat());
    let number = |value: &Value| value.as_f64().unwrap();
    for ((label, _), (row, found)) in pictures.iter().zip(rows.iter().zip(&found)) {
        let head = &taught["head"];
        let logit = |class: usize| {
            let weights = head["weight"][class].as_array().unwrap().iter();
            let products = weights.zip(row.as_array().unwrap()).map(|(w, x)| number(w) * number(x));
            (products.sum::<f64>() + number(&head["bias"][class])) / number(&head["temperature"])
        };
        let logits: Vec<f64> = (0..names.len()).map(logit).collect();
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        let top = &found["top"][0];
        let probability = logits[top["index"].as_u64().unwrap() as usize].exp() / sum;
        assert!((number(&top["probability"]) - probability).abs() < 1e-4, "{label}: {found}");
        assert_eq!(top["label"], json!(label));
    }
    let reply = client.post("/v1/teach/model?format=onnx", "application/json", body.as_bytes());
    let reply = reply.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let graph = data.path().join("taught.onnx");
    fs::write(&graph, &reply.body).unwrap();
    // Whoever is served has no check beside it, so it is made of the same model.
    let (model, _) = rekindle::Model::open(None, &file, &rekindle::Device::flex()).unwrap();
    let check = model.export(&rekindle::ExportConfig::default()).unwrap().check;
    rekindle::onnx::write_check(&rekindle::onnx::check_path(&graph), &check).unwrap();
    let found = rekindle::onnx::verify(&graph).unwrap();
    assert!(found.difference < found.tolerance, "{found:?}");
}

/// Pictures that say they are more than they are, or stop before their end.
fn bad_pictures() -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let picture = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * y) as u8, x as u8, 7]));
    let coded = |format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    let png = coded(image::ImageFormat::Png);
    let sized = |width: u32, height: u32| {
        let mut bytes = png.clone();
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        // The checksum of the header.
        let sum = crc32fast::hash(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&sum.to_be_bytes());
        bytes
    };
    let webp = |side: u32| {
        let sides = ((side - 1) | (side - 1) << 14).to_le_bytes();
        [b"RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f".as_slice(), &sides, &[0; 5]].concat()
    };
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let broken: &[u16] = &[422];
    vec![
        ("a bomb", sized(60_000, 60_000), &[413]),
        ("a bomb on its side", sized(u32::MAX, u32::MAX), &[413, 422]),
        ("larger than it is", sized(6000, 6000), broken),
        ("a WebP bomb", webp(16_000), &[413]),
        ("a WebP of nothing", webp(2000), broken),
        ("half of a PNG", half(&png), broken),
        ("half of a GIF", half(&coded(image::ImageFormat::Gif)), broken),
        ("half of a BMP", half(&coded(image::ImageFormat::Bmp)), broken),
        ("half of a TIFF", half(&coded(image::ImageFormat::Tiff)), broken),
        ("the head of a JPEG", coded(image::ImageFormat::Jpeg)[..40].to_vec(), broken),
        ("nothing", Vec::new(), broken),
        ("a page", b"<!DOCTYPE html><p>ant".to_vec(), broken),
    ]
}

#[test]
fn pictures_that_lie_are_refused_at_once() {
    let server = Serving::of_starter(&[]);
    let mut client = server.client();
    for (name, bytes, statuses) in bad_pictures() {
        // The machine may be busy with something else once.
        let least = (0..3).map(|_| {
            let start = Instant::now();
            let reply = client.post("/v1/predict", "application/octet-stream", &bytes).unwrap();
            assert!(statuses.contains(&reply.status), "{name}: {}", reply.text());
            assert_eq!(reply.json()["error"]["field"], "body", "{name}");
            assert!(!reply.text().contains(env!("CARGO_MANIFEST_DIR")));
            start.elapsed()
        });
        let least = least.min().unwrap();
        assert!(least < Duration::from_millis(100), "{name}: {least:?}");
    }
}

/// Requests of every bad kind between good ones; `REKINDLE_RUDE_REQUESTS` says how many.
#[test]
fn whatever_else_is_sent_good_requests_are_answered_right_and_memory_stays() {
    let count: usize =
        std::env::var("REKINDLE_RUDE_REQUESTS").map_or(640, |count| count.parse().unwrap());
    let data = doodles(1, 1);
    let pictures: Vec<Vec<u8>> = pictures(data.path().join("train").as_path())
        .iter()
        .map(|(_, path)| fs::read(path).unwrap())
        .collect();
    let server = Serving::of_starter(&["--max-body-mb", "1", "--body-seconds", "1"]);
    let expected: Vec<Value> = pictures
        .iter()
        .map(|bytes| server.client().post("/v1/predict", "image/png", bytes).unwrap().json())
        .collect();
    let bad = bad_pictures();
    let address = server.address;
    let rude = |number: usize| {
        let mut client = Client::connect(address).unwrap();
        let place = number % pictures.len();
        let (good, (_, lie, _)) = (&pictures[place], &bad[number % bad.len()]);
        let head = client.head("POST", "/v1/predict", "Content-Type: image/png\r\n", good.len());
        match number % 8 {
            0..4 => {
                let reply = client.post("/v1/predict", "image/png", good).unwrap();
                assert_eq!((reply.status, reply.json()), (200, expected[place].clone()));
            }
            // Gone in the middle of the body.
            4 => {
                client.send([head.as_bytes(), &good[..good.len() / 2]].concat().as_slice()).unwrap()
            }
            5 => {
                let reply = client.post("/v1/predict", "image/png", lie).unwrap();
                assert!([413, 422].contains(&reply.status), "{}", reply.text());
            }
            6 if number % 64 == 6 => {
                // Slow: the rest never comes.
                client.send(head.as_bytes()).unwrap();
                assert_eq!(client.reply().unwrap().status, 408);
            }
            6 => {
                let reply = client.post("/v1/predict", "image/png", &vec![7; 1_100_000]).unwrap();
                assert_eq!(reply.status, 413);
            }
            _ if number % 16 == 7 => {
                client.send(b"\x16\x03\x01 no HTTP \xff\r\n\r\n").unwrap();
                // Answered or hung up on.
                let _ = client.reply();
            }
            _ => {
                let body = &b"{\"items\":[{\"image\":\"iVBORw0KGgo=\"},{\"text\":"[..number % 40];
                let reply = client.post("/v1/predict", "application/json", body).unwrap();
                assert_eq!(reply.status, 400, "{}", reply.text());
            }
        }
    };
    let send = |numbers: std::ops::Range<usize>| {
        let next = AtomicUsize::new(numbers.start);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    loop {
                        match next.fetch_add(1, Ordering::Relaxed) {
                            number if number < numbers.end => rude(number),
                            _ => return,
                        }
                    }
                });
            }
        });
    };
    let memory = || {
        let text = server.client().get("/metrics").unwrap().text();
        let line = text.lines().find_map(|it| it.strip_prefix("process_resident_memory_bytes "));
        line.map(|bytes| bytes.parse::<f64>().unwrap())
    };
    // What is made once is there.
    send(0..count / 4);
    let before = memory();
    send(count / 4..count);
    if let (Some(before), Some(after)) = (before, memory()) {
        assert!(after < 1.1 * before, "{before} bytes before, {after} after");
    }
    server.terminate();
    let (code, said) = server.ended();
    assert_eq!(code, Some(0));
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_server_that_is_told_to_end_answers_what_it_has_accepted() {
    let data = doodles(1, 1);
    let bytes = fs::read(&pictures(&data.path().join("train"))[0].1).unwrap();
    let server = Serving::of_starter(&[]);
    let (address, told) = (server.address, Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (bytes, told) = (bytes.clone(), Arc::clone(&told));
            thread::spawn(move || {
                let mut client = Client::connect(address).unwrap();
                for answered in 1.. {
                    let reply = client.post("/v1/predict", "image/png", &bytes).unwrap();
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    if reply.header("connection") == Some("close") {
                        assert!(told.load(Ordering::SeqCst));
                        return answered;
                    }
                }
                0
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    told.store(true, Ordering::SeqCst);
    server.terminate();
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    let (code, said) = server.ended();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains("\"/v1/predict\"")).count(), answered);
}

#[test]
fn weights_that_are_replaced_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("it.safetensors"), folder.path().join("aside"));
    fs::copy(starter(), &path).unwrap();
    let named = format!("mine={}", text(&path));
    let server = Serving::start(&["--weights", &named], "");
    let picture = fs::read(&pictures(&doodles(1, 1).path().join("train"))[0].1).unwrap();
    let mut client = server.client();
    let mut answer = || {
        let reply = client.post("/v1/predict?model=mine", "image/png", &picture).unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["predictions"][0]["top"].clone()
    };
    let first = answer();
    let (model, _) = rekindle::Model::open(None, &path, &Device::flex()).unwrap();
    model.untrained(&Device::flex()).unwrap().save(&aside, None).unwrap();
    fs::rename(&aside, &path).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while answer() == first {
        assert!(Instant::now() < until, "it was never used");
        thread::sleep(Duration::from_millis(50));
    }
    let second = answer();
    fs::write(&aside, b"no weights").unwrap();
    fs::rename(&aside, &path).unwrap();
    let text = |client: &mut Client| client.get("/metrics").unwrap().text();
    let mut other = server.client();
    while !text(&mut other).contains("result=\"refused\"} 1") {
        assert!(Instant::now() < until, "it was never looked at");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(answer(), second);
}

#[test]
fn what_cannot_be_served_is_said() {
    let weights = starter();
    let weights = text(&weights);
    for (arguments, expected) in [
        (&["--weights", "nowhere.safetensors"][..], "nowhere.safetensors"),
        (&["--weights", weights, "--weights", weights], "two models are called"),
        (&["--weights", weights, "--data", "nowhere"], "create it first"),
        (&["--weights", weights, "--neighbors", "ants=nowhere.jsonl"], "nowhere.jsonl"),
    ] {
        let said = refused(&[&["serve", "--port", "0"], arguments].concat());
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

fn options() -> ServedOptions {
    ServedOptions::new(Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()))
}

fn item(content: Content) -> Item {
    Item { field: "items[0]".to_owned(), content }
}

fn of_text(text: &str) -> Item {
    item(Content::Text { text: text.to_owned(), pair: None })
}

#[test]
fn texts_are_answered_embedded_and_explained() {
    let names = ["fire", "calm"].map(str::to_owned);
    let known = [Text::from("Forest fire near La Ronge"), Text::from("all is calm")];
    let known: Vec<&Text> = known.iter().collect();
    let device = Device::flex();
    let task = Classify::new(2);
    let (model, _) =
        TextModel::for_items(Some("mean"), None, &task, &names, &known, &device).unwrap();
    let asked = "fire, caf\u{e9} fire";
    let expected = model.predict([Text::from(asked)]).unwrap()[0].to_json(2);
    let row = model.embed([Text::from(asked)]).unwrap();
    let served = ServedModel::new(model, options()).unwrap();
    assert!(served.look(&of_text(asked)).is_ok());
    assert_eq!(served.predict(&[of_text(asked)], 2)[0], Ok(Value::Object(expected)));
    assert_eq!(served.embed(&[of_text(asked)])[0].as_ref().unwrap(), &row[0]);
    let found = served.explain(&of_text(asked), Some("calm")).unwrap();
    let Shown::Text { tokens } = found.shown else { panic!("{found:?}") };
    let whole: String = tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!((found.label.as_str(), whole.as_str()), ("calm", asked));
    for token in &tokens {
        let letters: String =
            asked.chars().skip(token.start).take(token.end - token.start).collect();
        assert_eq!(letters, token.text);
    }
    let picture = item(Content::Picture(b"GIF89a".as_slice().into()));
    let answers = served.predict(&[picture.clone(), of_text(asked)], 2);
    assert_eq!(answers[0].as_ref().unwrap_err().code, Code::OtherKind);
    assert!(answers[1].is_ok(), "the other is answered");
    assert_eq!(served.look(&picture).unwrap_err().field.as_deref(), Some("items[0]"));
}

#[test]
fn rows_are_answered_by_their_columns_and_never_read_files() {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let path = folder.path().join("inputs.toml");
    let age = "[inputs.age]\ncolumn = \"age\"\nnumber = \"standardized\"\n";
    let journal = "[inputs.journal]\ncolumn = \"journal\"\ncategory = \"one_hot\"\n";
    fs::write(&path, [age, journal].concat()).unwrap();
    let inputs = Inputs::read(&path).unwrap();
    let known = [[("age", "20"), ("journal", "heart")], [("age", "40"), ("journal", "bone")]];
    let known = known.map(|cells| inputs.example(&cells).unwrap());
    let names = ["a", "b"].map(str::to_owned);
    let known: Vec<_> = known.iter().collect();
    let task = Classify::new(2);
    let model = ModelOf::of_inputs(&inputs, &task, (&names, &known), &Device::flex()).unwrap();
    let served = ServedModel::new(model, options()).unwrap();
    let row = |cells: &[(&str, &str)]| {
        let cells = cells.iter().map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned()));
        item(Content::Row(cells.collect::<BTreeMap<_, _>>()))
    };
    let answers = served.predict(&[row(&[("age", "30"), ("journal", "heart")])], 2);
    assert_eq!(answers[0].as_ref().unwrap()["top"].as_array().unwrap().len(), 2);
    for (cells, expected) in
        [(&[("age", "30")][..], "journal"), (&[("age", "many"), ("journal", "heart")], "age")]
    {
        let problem = served.look(&row(cells)).unwrap_err();
        assert!(problem.message.contains(expected), "{}", problem.message);
        assert_eq!(problem.code, Code::UnreadableRow);
    }
}
