//! Checkpoints of several files.

use super::*;

const INDEX: &str = "model.safetensors.index.json";

/// A folder with shards of one scalar per name, and an index of that text.
fn sharded(shards: &[(&str, &[&str])], index: &str) -> TempDir {
    let (folder, _) = folder_with(INDEX, index);
    for (shard, names) in shards {
        let tensors = names.iter().enumerate().map(|(i, name)| {
            let (start, end) = (i * 4, i * 4 + 4);
            format!(r#""{name}":{{"dtype":"F32","shape":[],"data_offsets":[{start},{end}]}}"#)
        });
        let metadata = r#""__metadata__":{"format":"pt"}"#.to_owned();
        let header = format!(
            "{{{}}}",
            std::iter::once(metadata).chain(tensors).collect::<Vec<_>>().join(",")
        );
        fs::write(folder.path().join(shard), safetensors_bytes(&header, names.len() * 4)).unwrap();
    }
    folder
}

fn index(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, file)| format!("{name:?}:{file:?}")).collect();
    format!(r#"{{"metadata":{{"total_size":12}},"weight_map":{{{}}}}}"#, pairs.join(","))
}

const SHARDS: [(&str, &[&str]); 2] = [("1.safetensors", &["b", "a"]), ("2.safetensors", &["c"])];

#[test]
fn shards_are_read_as_one() {
    let text = index(&[("a", "1.safetensors"), ("b", "1.safetensors"), ("c", "2.safetensors")]);
    let folder = sharded(&SHARDS, &text);
    fs::write(folder.path().join("config.json"), "{}").unwrap();
    for path in [folder.path().to_owned(), folder.path().join(INDEX)] {
        let file = CheckpointFile::open(&path).unwrap();
        assert_eq!(file.tensors().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(file.metadata()["format"], "pt");
        assert_eq!(file.config_json(), Some("{}"));
        let value = |bytes| vec![f32::from_le_bytes(bytes)];
        assert_eq!(file.read_f32("a").unwrap(), value([4, 5, 6, 7]));
        assert_eq!(file.read_f32("b").unwrap(), value([0, 1, 2, 3]));
        assert_eq!(file.read_f32("c").unwrap(), value([0, 1, 2, 3]));
    }
}

#[test]
fn an_index_stays_in_its_folder() {
    for name in
        ["../x.safetensors", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "C:x", "./x", "x/"]
    {
        let folder = sharded(&SHARDS, &index(&[("a", name), ("b", "1.safetensors")]));
        match CheckpointFile::open(folder.path()).unwrap_err() {
            Error::UnsafeShardNames { names, .. } => assert_eq!(names, [name]),
            error => panic!("{name}: {error:?}"),
        }
    }
}

#[test]
fn every_missing_shard_is_listed() {
    let text = index(&[("a", "7.safetensors"), ("b", "1.safetensors"), ("c", "9.safetensors")]);
    match CheckpointFile::open(sharded(&SHARDS, &text).path()).unwrap_err() {
        Error::MissingShards { names, .. } => assert_eq!(names, ["7.safetensors", "9.safetensors"]),
        error => panic!("{error:?}"),
    }
}

#[test]
fn every_disagreement_is_listed() {
    let text = index(&[("a", "2.safetensors"), ("b", "1.safetensors"), ("d", "2.safetensors")]);
    match CheckpointFile::open(sharded(&SHARDS, &text).path()).unwrap_err() {
        Error::ShardMismatch { problems, .. } => assert_eq!(
            problems,
            [
                "a is in 1.safetensors, but mapped to 2.safetensors",
                "c is in 2.safetensors, but not mapped to it",
                "d is mapped to 2.safetensors, but not in it",
            ]
        ),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_malformed_index_is_an_error() {
    for text in ["{", "{}", r#"{"weight_map":[]}"#, r#"{"weight_map":{"a":1}}"#] {
        let error = CheckpointFile::open(sharded(&SHARDS, text).path()).unwrap_err();
        assert!(matches!(error, Error::Json { what: "index", .. }), "{error:?}");
    }
    let text = index(&[("a", "1.safetensors"), ("a", "2.safetensors")]);
    let error = CheckpointFile::open(sharded(&SHARDS, &text).path()).unwrap_err();
    assert!(matches!(error, Error::DuplicateNames { .. }), "{error:?}");
}
