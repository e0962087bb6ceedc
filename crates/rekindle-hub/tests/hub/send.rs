//! Requests that change something: sent once where the server may have done it, and with the token where it belongs.

use std::fs;

use rekindle_hub::{Content, Error, HubSettings, NetworkAccess, Outgoing, Verb};
use rekindle_loopback::{Fault, Rule, Server};

use crate::support::{Stage, TOKEN};

fn outgoing<'a>(method: Verb, url: &'a str, content: Content<'a>) -> Outgoing<'a> {
    Outgoing {
        method,
        url,
        content_type: "application/json",
        headers: &[("accept", "text/x")],
        content,
    }
}

fn answer(status: u16) -> Fault {
    let headers = vec![("ETag", "\"part\"".to_owned())];
    Fault::Instead(status, headers, b"{\"done\": true}".to_vec())
}

#[test]
fn what_is_sent_arrives_as_it_is() {
    let stage = Stage::new();
    stage.server.order(Rule::hub("/api/x", usize::MAX, answer(201)));
    let hub = stage.hub();
    let client = hub.client().unwrap();
    let path = stage.folder.path().join("file");
    fs::write(&path, "0123456789").unwrap();
    let part = Content::Part { path: &path, start: 3, bytes: 4 };
    for (method, name, content, expected) in [
        (Verb::Post, "POST", Content::Bytes(b"{}"), &b"{}"[..]),
        (Verb::Put, "PUT", part, b"3456"),
        (Verb::Delete, "DELETE", Content::Bytes(b""), b""),
    ] {
        let answer = client.send(&outgoing(method, "/api/x", content)).unwrap();
        assert_eq!((answer.status, answer.header("etag")), (201, Some("\"part\"")));
        assert!(answer.json::<serde_json::Value>().unwrap()["done"].as_bool().unwrap());
        let [request] = &stage.server.requests()[..] else { panic!() };
        assert_eq!((request.method.as_str(), &request.content[..]), (name, expected));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("accept"), Some("text/x"));
        assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
        assert_eq!(request.header("content-length"), Some(expected.len().to_string().as_str()));
    }
    // Elsewhere nobody learns the token.
    let elsewhere = Server::start().unwrap();
    elsewhere.order(Rule::hub("/put", 1, answer(200)));
    client.send(&outgoing(Verb::Put, &format!("{}/put", elsewhere.endpoint()), part)).unwrap();
    assert_eq!(elsewhere.requests()[0].header("authorization"), None);
}

#[test]
fn what_may_have_been_done_is_not_asked_for_again() {
    let table = [
        (Verb::Put, Fault::Cut(0), 3),
        (Verb::Post, Fault::Cut(0), 1),
        (Verb::Delete, Fault::Cut(0), 1),
        (Verb::Put, answer(500), 3),
        (Verb::Post, answer(500), 1),
        (Verb::Post, answer(503), 3),
        (Verb::Post, answer(429), 3),
        (Verb::Put, answer(403), 1),
        (Verb::Post, answer(302), 1),
    ];
    for (method, fault, tries) in table {
        let stage = Stage::new();
        let name = format!("{method:?} {fault:?}");
        stage.server.order(Rule::hub("/api/x", usize::MAX, fault));
        stage
            .hub()
            .client()
            .unwrap()
            .send(&outgoing(method, "/api/x", Content::Bytes(b"{}")))
            .unwrap_err();
        assert_eq!(stage.server.requests().len(), tries, "{name}");
    }
    // An answer that is cut off came after it was done.
    let stage = Stage::new();
    let headers = vec![("Content-Length", "99".to_owned())];
    stage.server.order(Rule::hub(
        "/api/x",
        usize::MAX,
        Fault::Instead(200, headers, b"{}".to_vec()),
    ));
    stage
        .hub()
        .client()
        .unwrap()
        .send(&outgoing(Verb::Post, "/api/x", Content::Bytes(b"{}")))
        .unwrap_err();
    assert_eq!(stage.server.requests().len(), 1);
}

#[test]
fn nothing_is_sent_offline_or_with_odd_letters() {
    let stage = Stage::new();
    let hub =
        rekindle_hub::Hub::new(HubSettings { network: NetworkAccess::Offline, ..stage.settings() });
    let post = outgoing(Verb::Post, "/api/x", Content::Bytes(b"{}"));
    let error = hub.client().unwrap().send(&post).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }), "{error}");
    let hub = stage.hub();
    let odd = Outgoing { headers: &[("x", "a\nb")], ..post };
    hub.client().unwrap().send(&odd).unwrap_err();
    let token = rekindle_hub::Token::new("hf_a\nhf_b");
    let error = rekindle_hub::Client::new(&HubSettings { token, ..stage.settings() }).unwrap_err();
    assert!(
        error.to_string().contains("HF_TOKEN") && !error.to_string().contains("hf_"),
        "{error}"
    );
    assert!(stage.server.requests().is_empty());
}
