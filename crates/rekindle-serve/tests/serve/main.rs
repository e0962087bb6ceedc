//! The server with a model of its own: what it answers, refuses, counts, and how it stops.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod fake;
mod load;

use std::{
    fs,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use fake::{Fake, Running, ask, error, local};
use rekindle_loopback::Client;
use rekindle_serve::{Limits, MAX_ITEMS, ServeConfig, Served, ServerModel};
use serde_json::json;

fn running() -> Running {
    Running::start(local(), vec![ServerModel::new("fake", Arc::new(Fake::new("fine")))])
}

#[test]
fn bodies_of_every_kind_are_answered() {
    let server = running();
    let mut client = server.client();
    let form = "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nab\r\n--b\r\n\
                Content-Disposition: form-data; name=\"top\"\r\n\r\n7\r\n--b--";
    let items = json!({ "top": 7, "items": [{ "text": "ab" }, { "text": "abc", "pair": "d" }] });
    for (kind, path, body, indices) in [
        ("text/plain; charset=utf-8", "/v1/predict?top=7", "ab".to_owned(), vec![2]),
        ("multipart/form-data; boundary=b", "/v1/predict", form.to_owned(), vec![2]),
        ("application/json", "/v1/predict?model=fake", items.to_string(), vec![2, 3]),
    ] {
        let reply = client.post(path, kind, body.as_bytes()).unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
        let answers = indices
            .iter()
            .map(|index| json!({ "top": [{ "label": "fine", "index": index, "probability": 7 }] }));
        let answers: Vec<_> = answers.collect();
        assert_eq!(reply.json(), json!({ "model": "fake", "predictions": answers }), "{kind}");
    }
    let reply = client.post("/v1/embed", "text/plain", b"ab").unwrap();
    // As short as the number is, and not as float64 would write it.
    assert_eq!(reply.text(), "{\"model\":\"fake\",\"dim\":2,\"embeddings\":[[0.1,-2.0]]}");
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    let server = running();
    let json_of = |items: serde_json::Value| json!({ "items": items }).to_string();
    let many = json_of(vec![json!({ "text": "a" }); MAX_ITEMS + 1].into());
    let some = json_of(vec![json!({ "text": "a" }); 300].into());
    let teach = |labels: &[&str], label: usize, embedding: &[f32]| {
        json!({ "labels": labels, "examples": [
            { "label": 0, "embedding": [0.0, 1.0] }, { "label": label, "embedding": embedding },
        ] })
        .to_string()
    };
    let json_kind = "application/json";
    for (path, kind, body, status, code, field) in [
        ("/v1/predict", json_kind, "{".to_owned(), 400, "bad_json", Some("body")),
        ("/v1/predict", json_kind, "[]".to_owned(), 400, "bad_json", Some("body")),
        ("/v1/predict", json_kind, "{\"items\":[]} x".to_owned(), 400, "bad_json", Some("body")),
        ("/v1/predict", json_kind, json_of(json!([])), 400, "bad_request", Some("items")),
        ("/v1/predict", json_kind, json_of(json!([{}])), 400, "bad_request", Some("items[0]")),
        (
            "/v1/predict",
            json_kind,
            json_of(json!([{ "text": "a" }, { "text": 1 }])),
            400,
            "bad_json",
            Some("items[1].text"),
        ),
        (
            "/v1/predict",
            json_kind,
            json_of(json!([{ "colour": 1 }])),
            400,
            "bad_json",
            Some("items[0].colour"),
        ),
        (
            "/v1/predict",
            json_kind,
            json_of(json!([{ "row": { "a": [1] } }])),
            400,
            "bad_json",
            Some("items[0].row.a"),
        ),
        (
            "/v1/predict",
            json_kind,
            json_of(json!([{ "image": "!" }])),
            400,
            "bad_request",
            Some("items[0].image"),
        ),
        (
            "/v1/predict",
            json_kind,
            json_of(json!([{ "image": "AAAA" }])),
            422,
            "other_kind",
            Some("items[0].image"),
        ),
        (
            "/v1/predict",
            json_kind,
            json_of(json!([{ "text": "a" }, { "text": "bad" }])),
            422,
            "unreadable_text",
            Some("items[1].text"),
        ),
        ("/v1/predict", json_kind, many, 400, "bad_json", Some("items")),
        ("/v1/predict", json_kind, some, 413, "too_many_items", Some("items")),
        (
            "/v1/predict?model=none",
            "text/plain",
            "a".to_owned(),
            404,
            "unknown_model",
            Some("model"),
        ),
        ("/v1/predict?top=-1", "text/plain", "a".to_owned(), 400, "bad_request", Some("top")),
        ("/v1/predict", "text/plain", "\u{fffd}".to_owned(), 200, "", None),
        ("/v1/predict", "image/png", "a".to_owned(), 422, "other_kind", Some("body")),
        (
            "/v1/predict",
            "application/x-www-form-urlencoded",
            "a".to_owned(),
            415,
            "unsupported_media_type",
            None,
        ),
        ("/v1/predict", "multipart/form-data", "a".to_owned(), 400, "bad_request", None),
        ("/v1/explain", "text/plain", "a".to_owned(), 422, "not_supported", None),
        ("/v1/similar", json_kind, "{\"embedding\":[1.0]}".to_owned(), 422, "not_supported", None),
        ("/v1/similar", json_kind, "{}".to_owned(), 400, "bad_request", Some("body")),
        ("/v1/similar", "text/plain", "{}".to_owned(), 415, "unsupported_media_type", None),
        ("/v1/teach", json_kind, teach(&["a", "b"], 1, &[0.0, 0.0]), 422, "not_supported", None),
        ("/v1/data", json_kind, "{}".to_owned(), 403, "forbidden", None),
        ("/v1/nothing", json_kind, "{}".to_owned(), 404, "not_found", None),
        ("/v1/models", json_kind, "{}".to_owned(), 405, "method_not_allowed", None),
    ] {
        let reply = server.client().post(path, kind, body.as_bytes()).unwrap();
        let shown: String = body.chars().take(80).collect();
        assert_eq!(reply.status, status, "{path} {shown}: {}", reply.text());
        if status != 200 {
            assert_eq!(
                error(&reply),
                (code.to_owned(), field.map(str::to_owned)),
                "{path} {shown}"
            );
        }
    }
    let teacher = Running::of(Fake::new("teacher"), Limits::default());
    for (body, field) in [
        (teach(&["a"], 0, &[0.0, 0.0]), "labels"),
        (teach(&["a", "a"], 1, &[0.0, 0.0]), "labels[1]"),
        (teach(&["a", " "], 1, &[0.0, 0.0]), "labels[1]"),
        (teach(&["a", "b", "c"], 1, &[0.0, 0.0]), "labels[2]"),
        (teach(&["a", "b"], 2, &[0.0, 0.0]), "examples[1].label"),
        (teach(&["a", "b"], 1, &[0.0]), "examples[1].embedding"),
        (teach(&["a", "b"], 1, &[0.0, 0.0]), ""),
    ] {
        let reply = teacher.client().post("/v1/teach", json_kind, body.as_bytes()).unwrap();
        match field {
            "" => assert_eq!((reply.status, &reply.json()["accuracy"]), (200, &json!(2.0))),
            _ => assert_eq!(error(&reply), ("bad_request".to_owned(), Some(field.to_owned()))),
        }
    }
}

#[test]
fn several_models_answer_by_their_names_and_the_first_where_none_is_named() {
    let models = ["one", "two"].map(|name| ServerModel::new(name, Arc::new(Fake::new(name)) as _));
    let server = Running::start(local(), models.into());
    let mut client = server.client();
    for (path, body, expected) in [
        ("/v1/predict", "{\"items\":[{\"text\":\"\"}]}", "one"),
        ("/v1/predict?model=two", "{\"items\":[{\"text\":\"\"}]}", "two"),
        ("/v1/predict", "{\"model\":\"two\",\"items\":[{\"text\":\"\"}]}", "two"),
    ] {
        let reply = client.post(path, "application/json", body.as_bytes()).unwrap().json();
        assert_eq!(
            (&reply["model"], &reply["predictions"][0]["top"][0]["label"]),
            (&json!(expected), &json!(expected))
        );
    }
    let models = client.get("/v1/models").unwrap().json();
    assert_eq!(models["models"][1]["name"], "two");
    assert_eq!(models["models"][1]["input"], json!({ "max_length": 8 }));
}

#[test]
fn only_who_has_the_token_may_ask() {
    let config = ServeConfig { token: Some("sesame".to_owned()), ..local() };
    let server =
        Running::start(config, vec![ServerModel::new("fake", Arc::new(Fake::new("fine")))]);
    for (header, path, status) in [
        ("", "/v1/models", 401),
        ("", "/metrics", 401),
        ("", "/v1/nothing", 401),
        ("", "/health", 200),
        ("", "/", 200),
        ("", "/openapi.json", 200),
        ("Bearer open", "/v1/models", 401),
        ("Bearer sesame2", "/v1/models", 401),
        ("Bearer", "/v1/models", 401),
        ("Basic sesame", "/v1/models", 401),
        ("Bearer sesame", "/v1/models", 200),
        ("bearer  sesame", "/metrics", 200),
    ] {
        let mut client = server.client().with("Authorization", header);
        let reply = client.get(path).unwrap();
        assert_eq!(reply.status, status, "{header} {path}");
        if status == 401 {
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            assert_eq!(error(&reply).0, "unauthorized");
        }
    }
    // Who sends much hears it too.
    let long = vec![b'a'; 2_000_000];
    let reply = server.client().post("/v1/predict", "text/plain", &long).unwrap();
    assert_eq!(reply.status, 401);
    let log = server.log.lock().unwrap().join("\n");
    assert!(!log.contains("sesame"), "{log}");
}

#[test]
fn pages_of_other_origins_may_ask_where_they_are_named() {
    let named = ServeConfig { cors: Some("https://ants.example".to_owned()), ..local() };
    for (config, origin, status, allowed) in [
        (local(), "https://ants.example", 403, None),
        (local(), "http://localhost", 200, None),
        (local(), "null", 403, None),
        (named.clone(), "https://ants.example", 200, Some("https://ants.example")),
        (named.clone(), "https://bees.example", 403, None),
        (
            ServeConfig { cors: Some("*".to_owned()), ..local() },
            "https://b.example",
            200,
            Some("https://b.example"),
        ),
    ] {
        let server =
            Running::start(config, vec![ServerModel::new("fake", Arc::new(Fake::new("fine")))]);
        let mut client = server.client().with("Origin", origin);
        let reply = client.get("/v1/models").unwrap();
        assert_eq!(reply.status, status, "{origin}");
        assert_eq!(reply.header("access-control-allow-origin"), allowed, "{origin}");
        let before = client.ask("OPTIONS", "/v1/predict", "", &[]).unwrap();
        assert_eq!(before.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(before.status, if status == 200 { 204 } else { 403 });
    }
    // A name that somebody else's page was made to lead here by.
    let server = running();
    let mut client = server.client();
    client.send(b"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n").unwrap();
    assert_eq!(client.reply().unwrap().status, 421);
    for host in ["127.0.0.1:80", "[::1]:80", "LOCALHOST"] {
        client.send(format!("GET /v1/models HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(client.reply().unwrap().status, 200, "{host}");
    }
}

#[test]
fn bodies_that_are_too_long_or_too_slow_are_refused() {
    let limits =
        Limits { body_bytes: 10_000, body_time: Duration::from_millis(200), ..Limits::default() };
    let server = Running::of(Fake::new("fine"), limits);
    let long = vec![b'a'; 4_000_000];
    // Announced, and not.
    let reply = server.client().post("/v1/predict", "text/plain", &long).unwrap();
    assert_eq!((reply.status, error(&reply).0), (413, "body_too_large".to_owned()));
    let mut client = server.client();
    let chunked =
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let sent = [chunked.as_bytes(), b"f4240\r\n", &long[..1_000_000], b"\r\n0\r\n\r\n"].concat();
    client.send(&sent).unwrap();
    assert_eq!(client.reply().unwrap().status, 413);
    let start = Instant::now();
    let mut client = server.client();
    let head = client.head("POST", "/v1/predict", "Content-Type: text/plain\r\n", 100);
    client.send(head.as_bytes()).unwrap();
    client.send(b"abc").unwrap();
    let reply = client.reply().unwrap();
    assert_eq!((reply.status, error(&reply).0), (408, "body_timeout".to_owned()));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(ask(&mut server.client(), "a").status, 200);
}

#[test]
fn a_panic_is_one_requests_own() {
    let server = running();
    let mut client = server.client();
    let reply = ask(&mut client, "panic");
    assert_eq!((reply.status, error(&reply).0), (500, "internal".to_owned()));
    assert_eq!(ask(&mut client, "a").status, 200);
    let metrics = client.get("/metrics").unwrap().text();
    assert!(metrics.contains("rekindle_panics_total{model=\"fake\"} 1"), "{metrics}");
}

#[test]
fn a_model_whose_file_was_replaced_answers_from_then_on_and_one_that_is_broken_never() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    // Put in place as a whole.
    let replace = |word: &str| {
        let aside = folder.path().join("aside");
        fs::write(&aside, word).unwrap();
        fs::rename(&aside, &path).unwrap();
    };
    replace("first");
    let read = path.clone();
    let open = Box::new(move || match fs::read_to_string(&read).unwrap() {
        word if word == "broken" => Err("it is broken".to_owned()),
        word => Ok(Arc::new(Fake::new(&word)) as Arc<dyn Served>),
    });
    let model = ServerModel::watched("it", path.clone(), open).unwrap();
    let config = ServeConfig { look: Duration::from_millis(20), ..local() };
    let server = Running::start(config, vec![model]);
    let mut client = server.client();
    let mut says = |word: &str| {
        let until = Instant::now() + Duration::from_secs(20);
        let found = |client: &mut Client| {
            ask(client, "a").json()["predictions"][0]["top"][0]["label"] == word
        };
        while !found(&mut client) {
            assert!(Instant::now() < until, "never {word}");
            thread::sleep(Duration::from_millis(10));
        }
    };
    let logged =
        |words: &str| server.log.lock().unwrap().iter().filter(|line| line.contains(words)).count();
    says("first");
    replace("second");
    says("second");
    replace("broken");
    let until = Instant::now() + Duration::from_secs(20);
    while logged("it is broken") == 0 && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
    says("second");
    replace("third");
    says("third");
    // The same once more is no change.
    replace("third");
    thread::sleep(Duration::from_millis(200));
    assert_eq!((logged("\"reloaded\""), logged("not reloaded")), (2, 1));
    let metrics = server.client().get("/metrics").unwrap().text();
    for line in ["result=\"used\"} 2", "result=\"refused\"} 1"] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[test]
fn items_are_kept_where_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = ServeConfig { data: Some(folder.path().to_owned()), ..local() };
    let server =
        Running::start(config, vec![ServerModel::new("fake", Arc::new(Fake::new("fine")))]);
    let mut client = server.client();
    for (body, status, expected) in [
        (json!({ "label": "fire", "text": "smoke" }), 200, "fire/0001.txt"),
        (json!({ "label": "fire", "name": "big", "text": "smoke" }), 200, "fire/big.txt"),
        (json!({ "label": "../fire", "text": "smoke" }), 400, "label"),
        (json!({ "label": "fire", "name": "a/b", "text": "smoke" }), 400, "name"),
        (json!({ "label": "fire" }), 400, ""),
    ] {
        let body = body.to_string();
        let reply = client.post("/v1/data", "application/json", body.as_bytes()).unwrap();
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
        match status {
            200 => {
                assert_eq!(reply.json(), json!({ "stored": expected }));
                assert_eq!(fs::read(folder.path().join(expected)).unwrap(), b"smoke");
            }
            _ => assert_eq!(error(&reply).1.as_deref(), Some(expected)),
        }
    }
}

#[test]
fn the_interface_says_what_there_is() {
    let server = running();
    let mut client = server.client();
    let interface = client.get("/openapi.json").unwrap().json();
    let paths = interface["paths"].as_object().unwrap();
    for path in ["/health", "/metrics", "/v1/models"] {
        assert!(paths[path]["get"].is_object(), "{path}");
    }
    for path in ["predict", "embed", "explain", "similar", "teach", "teach/model", "data"] {
        assert!(paths[&format!("/v1/{path}")]["post"].is_object(), "{path}");
    }
    // Whatever is referred to is there.
    let text = interface.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(interface["components"]["schemas"][name].is_object(), "{name}");
    }
    for path in ["/", "/docs"] {
        let page = client.get(path).unwrap();
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert!(page.text().starts_with("<!DOCTYPE html>"));
    }
}

#[test]
fn a_line_is_logged_and_a_request_is_counted() {
    let server = running();
    let mut client = server.client();
    ask(&mut client, "secret words");
    client.get("/v1/a\u{22}b?token=secret").unwrap();
    let metrics = client.get("/metrics").unwrap().text();
    for line in [
        "rekindle_requests_total{path=\"/v1/predict\",status=\"200\"} 1",
        "rekindle_requests_total{path=\"other\",status=\"404\"} 1",
        "rekindle_batch_items_count{model=\"fake\"} 1",
        "rekindle_queue_items{model=\"fake\"} 0",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}\n{metrics}");
    }
    let log = server.log.lock().unwrap().clone();
    let line: serde_json::Value = serde_json::from_str(&log[0]).unwrap();
    for (key, expected) in [
        ("method", json!("POST")),
        ("path", json!("/v1/predict")),
        ("status", json!(200)),
        ("bytes", json!(12)),
        ("items", json!(1)),
        ("model", json!("fake")),
    ] {
        assert_eq!(line[key], expected, "{key}");
    }
    assert!(line["ms"].as_f64().unwrap() > 0.0);
    assert!(!log.join("\n").contains("secret"));
}

#[test]
fn what_is_accepted_is_answered_before_a_server_stops() {
    let fake = Fake::slow(100);
    let predicted = Arc::clone(&fake.predicted);
    let drain = Duration::from_secs(1);
    let mut server = Running::of(fake, Limits { max_batch: 4, drain, ..Limits::default() });
    let address = server.address;
    let clients: Vec<_> = (0..12)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::connect(address).unwrap();
                let mut answered = 0;
                loop {
                    let reply = ask(&mut client, "a");
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    answered += 1;
                    if reply.header("connection") == Some("close") {
                        return answered;
                    }
                }
            })
        })
        .collect();
    while predicted.load(Ordering::Relaxed) < 4 {
        thread::sleep(Duration::from_millis(5));
    }
    server.stopper.stop();
    thread::sleep(Duration::from_millis(100));
    let health = server.client().get("/health").unwrap();
    assert_eq!((health.status, health.json()), (503, json!({ "status": "stopping" })));
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    server.stopped();
    assert_eq!(answered, predicted.load(Ordering::Relaxed));
    assert!(Client::connect(address).is_err());
}
