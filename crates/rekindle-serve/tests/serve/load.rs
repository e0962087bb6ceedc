//! Many at once: batches, a queue that is full, and clients that go away.

use std::{sync::Arc, thread, time::Duration};

use rekindle_serve::Limits;

use super::fake::{Fake, Running, ask, error};

#[test]
fn what_comes_together_goes_together() {
    let fake = Fake::slow(20);
    let batches = Arc::clone(&fake.batches);
    let limits = Limits { max_batch: 8, max_wait: Duration::from_millis(5), ..Limits::default() };
    let server = Running::of(fake, limits);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut client = server.client();
                (0..4).for_each(|_| assert_eq!(ask(&mut client, "a").status, 200));
            });
        }
    });
    // A request for many goes in parts.
    let items = serde_json::json!({ "items": vec![serde_json::json!({ "text": "a" }); 20] });
    let body = items.to_string();
    let reply = server.client().post("/v1/predict", "application/json", body.as_bytes()).unwrap();
    assert_eq!(reply.json()["predictions"].as_array().unwrap().len(), 20);
    let batches = batches.lock().unwrap();
    let (alone, parts) = batches.split_at(batches.len() - 3);
    assert_eq!((parts, alone.iter().sum::<usize>()), ([8, 8, 4].as_slice(), 64));
    assert!(alone.iter().all(|items| *items <= 8) && alone.len() < 48, "{alone:?}");
}

#[test]
fn who_finds_the_queue_full_is_told_when_to_come_again() {
    let fake = Fake::slow(300);
    let limits = Limits { max_batch: 1, queue: 2, ..Limits::default() };
    let server = Running::of(fake, limits);
    let replies = thread::scope(|scope| {
        let ask = || ask(&mut server.client(), "a");
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    let (good, busy): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert!(good.len() >= 2 && !busy.is_empty(), "{} answered", good.len());
    for reply in busy {
        assert_eq!((reply.status, error(reply).0), (429, "busy".to_owned()));
        let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds));
    }
    assert_eq!(ask(&mut server.client(), "a").status, 200);
}

#[test]
fn clients_that_go_away_cost_nothing_that_stays() {
    let fake = Fake::slow(30);
    let batches = Arc::clone(&fake.batches);
    let server = Running::of(fake, Limits { max_batch: 1, ..Limits::default() });
    for _ in 0..40 {
        let mut client = server.client();
        let head = client.head("POST", "/v1/predict", "Content-Type: text/plain\r\n", 1);
        client.send([head.as_bytes(), b"a"].concat().as_slice()).unwrap();
    }
    assert_eq!(ask(&mut server.client(), "a").status, 200);
    let metrics = server.client().get("/metrics").unwrap().text();
    assert!(metrics.contains("rekindle_queue_items{model=\"fake\"} 0"), "{metrics}");
    // Most had gone before it was their turn.
    assert!(batches.lock().unwrap().len() < 30, "{:?}", batches.lock().unwrap().len());
}
