//! How fast weights arrive, and how fast they are found again.
//!
//! ```sh
//! cargo run --release -p rekindle-hub --example speed          # 1 GB over the loopback interface
//! ```
//!
//! Hashing alone bounds a download from below: what is left is the socket, the file and the sync.

#![allow(clippy::unwrap_used, reason = "an example may stop")]

use std::{
    fs,
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use rekindle_hub::{Files, Hub, HubSettings, unwatched};
use rekindle_loopback::{Revision, Server, sha256};

/// Bytes of the large file, and of one as long as ResNet-50's weights.
const LENGTHS: [usize; 2] = [1 << 30, 102_469_840];

fn main() {
    let mut output = io::stdout();
    for length in LENGTHS {
        let bytes: Arc<[u8]> = (0..length).map(|index| (index >> 8) as u8).collect();
        let start = Instant::now();
        let _ = sha256(&bytes);
        let hashing = start.elapsed();

        let server = Server::start().unwrap();
        let files = vec![("model.safetensors".to_owned(), bytes)];
        let commit = server.publish_revision("owner/large", Revision::new(files));
        let folder = tempfile::tempdir().unwrap();
        let settings = || HubSettings {
            endpoint: server.endpoint(),
            ..HubSettings::new(folder.path()).unwrap()
        };
        let wanted =
            Files { repository: "owner/large", revision: &commit, names: &["model.safetensors"] };

        let start = Instant::now();
        let located = Hub::new(settings()).fetch_files(&wanted, &unwatched).unwrap();
        let download = start.elapsed();

        // What fsync costs of it: the same bytes written and synced once more.
        let start = Instant::now();
        let copy = folder.path().join("copy");
        fs::copy(located.folder.join("model.safetensors"), &copy).unwrap();
        fs::File::open(&copy).unwrap().sync_all().unwrap();
        let copying = start.elapsed();

        // As many first uses as there are cards, beside this one's.
        let other = "a".repeat(64);
        let row = |index: usize| {
            let names = format!(
                "repository = \"owner/n{index}\"\nrevision = \"main\"\nfile = \"model.safetensors\"\n"
            );
            format!(
                "[[file]]\n{names}commit = \"{}\"\nbytes = 1\nsha256 = \"{other}\"\n\n",
                &other[..40]
            )
        };
        let ledger = Hub::new(settings()).ledger();
        let mut records = fs::read_to_string(&ledger).unwrap();
        records.extend((0..300).map(row));
        fs::write(&ledger, records).unwrap();
        let mut finding: Vec<Duration> = (0..9)
            .map(|_| {
                let start = Instant::now();
                Hub::new(settings()).locate_files(&wanted).unwrap();
                start.elapsed()
            })
            .collect();
        finding.sort();
        let rate = |time: Duration| length as f64 / 1e6 / time.as_secs_f64();
        writeln!(
            output,
            "{} MB: hashed at {:.0} MB/s, downloaded at {:.0} MB/s, copied and synced at {:.0} MB/s, found again in {:.2} ms",
            length / 1_000_000,
            rate(hashing),
            rate(download),
            rate(copying),
            finding[4].as_secs_f64() * 1e3,
        )
        .unwrap();
    }
}
