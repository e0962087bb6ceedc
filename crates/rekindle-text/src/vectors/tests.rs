use std::fs;
use std::path::PathBuf;

use super::*;

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn read(bytes: &[u8], wanted: WantedWords<'_>) -> Result<WordVectors, String> {
    WordVectors::read_from(BufReader::new(bytes), wanted)
}

/// word2vec's binary form.
fn binary(rows: &[(&str, [f32; 2])], between: &str) -> Vec<u8> {
    let mut bytes = format!("{} 2\n", rows.len()).into_bytes();
    for (word, numbers) in rows {
        bytes.extend(format!("{word} ").into_bytes());
        numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes.extend(between.as_bytes());
    }
    bytes
}

const ROWS: [(&str, [f32; 2]); 3] =
    [("ant", [0.5, -1.25]), ("café", [2e-3, 3.5]), ("bee", [-0.125, 0.001])];

#[test]
fn every_form_gives_the_same() {
    let glove = "ant 0.5 -1.25\ncafé 2e-3 3.5\nbee -0.125 0.001\n";
    for bytes in [
        glove.as_bytes().to_vec(),
        glove.replace('\n', "\r\n").into_bytes(),
        glove.replace(' ', "\t").trim_end().as_bytes().to_vec(),
        format!("3 2\n{glove}").into_bytes(),
        // word2vec ends each line with a blank.
        format!("3 2\n{}\n\n", glove.replace('\n', " \n")).into_bytes(),
        binary(&ROWS, ""),
        binary(&ROWS, "\n"),
    ] {
        let all = read(&bytes, WantedWords::All).unwrap();
        assert_eq!((&all.words, all.dim, all.of), (&words(&["ant", "café", "bee"]), 2, 3));
        assert_eq!(all.vectors, [0.5, -1.25, 2e-3, 3.5, -0.125, 0.001]);
        assert!(all.missing.is_empty() && all.notes.is_empty());
        let wanted = words(&["bee", "cat", "ant", "dog", "cat"]);
        let some = read(&bytes, WantedWords::Only(&wanted)).unwrap();
        assert_eq!(
            (&some.words, &some.missing),
            (&words(&["ant", "bee"]), &words(&["cat", "dog"]))
        );
        assert_eq!(some.vectors, [0.5, -1.25, -0.125, 0.001]);
        assert_eq!(some.get("bee"), Some(&[-0.125, 0.001][..]));
        assert_eq!((some.get("cat"), some.of), (None, 3));
        assert_eq!(
            some.describe(),
            "2 words of 3 in the table, 2 numbers each; 2 are missing (50.0%), such as [cat, dog]"
        );
    }
}

/// GloVe's 840B has words with blanks in them.
#[test]
fn odd_words_are_read_or_counted() {
    let found = read(b"at name@x 1 2\nant 3 4\nant 5 6\n\xff\xfe 7 8\n", WantedWords::All);
    assert!(found.unwrap_err().starts_with("line 1: `name@x` is no number"));
    let found = read(b"ant 3 4\nat name@x 1 2\nant 5 6\n\xff\xfe 7 8\n", WantedWords::All).unwrap();
    assert_eq!(found.words, ["ant", "at name@x"]);
    assert_eq!((found.vectors, found.of), (vec![3.0, 4.0, 1.0, 2.0], 4));
    assert_eq!(
        found.notes,
        [
            "1 words stand twice or more, of which the first vector is taken",
            "1 words are not UTF-8, and not read"
        ]
    );
}

#[test]
fn what_is_wrong_is_told_by_its_place() {
    let cut = binary(&ROWS, "");
    let mut long = binary(&ROWS, "");
    long.extend(b"more");
    let mut huge = b"9 2\n".to_vec();
    huge.extend(vec![b'x'; MAX_VECTOR_LINE_BYTES + 9]);
    let wide = format!("ant{}\n", " 1".repeat(MAX_VECTOR_DIM + 1)).into_bytes();
    let broken = binary(&[("ant", [1.0, 2.0]), ("bee", [f32::NAN, 1.0])], "");
    for (what, bytes, expected) in [
        ("nothing", &b""[..], "line 1: is empty"),
        ("an empty line", b"\n\n", "line 1: is empty"),
        ("a header alone", b"3 2\n", "line 1: says 3 words, but there are 0"),
        ("a word alone", b"ant\n", "line 1: says 0 numbers a word"),
        ("no numbers", b"ant 1 2\nbee x 2\n", "line 2: `x` is no number"),
        ("too few", b"ant 1 2\nbee 1\n", "line 2: has 1 numbers behind a word, not 2"),
        ("not finite", b"ant 1 2\nbee 1 inf\n", "line 2: `inf` is not finite"),
        ("a gap", b"ant 1 2\n\nbee 1 2\n", "line 2: is empty"),
        ("too many lines", b"1 2\nant 1 2\nbee 1 2\n", "line 1: says 1 words, but there are 2"),
        ("too few lines", b"3 2\nant 1 2\nbee 1 2\n", "line 1: says 3 words, but there are 2"),
        ("no numbers a word", b"3 0\nant\n", "line 1: says 0 numbers a word"),
        (
            "wide",
            b"3 99999999999\nant\n",
            "line 1: says 99999999999 numbers a word, of at least 1 and at most 16384",
        ),
        ("wide lines", &wide, "line 1: says 16385 numbers a word"),
        ("a long line", &huge, "line 2: is longer than the limit of 1048576 bytes"),
        ("cut", &cut[..cut.len() - 1], "word 3 of 3: the file ends there"),
        ("cut in a word", &cut[..cut.len() - 10], "word 3 of 3: the file ends there"),
        ("longer", &long, "line 1: says 3 words, but more bytes follow"),
        ("bytes that are no number", &broken, "word 2 of 2: number 1 is NaN, not finite"),
        ("packed", &[0x1f, 0x8b, 8, 0], "is packed; unpack it first"),
    ] {
        let error = read(bytes, WantedWords::All).unwrap_err();
        assert!(error.starts_with(expected), "{what}: {error}");
    }
    // What is not wanted need not be right.
    let wanted = words(&["ant"]);
    for bytes in [&b"ant 1 2\nbee x 2\n"[..], &broken] {
        assert_eq!(read(bytes, WantedWords::Only(&wanted)).unwrap().vectors, [1.0, 2.0]);
    }
    let error = WordVectors::read(&PathBuf::from("none.txt"), WantedWords::All).unwrap_err();
    assert!(error.to_string().starts_with("none.txt: cannot be read"), "{error}");
}

/// A safetensors file of tensors of 32-bit floats.
fn safetensors(tensors: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape, numbers) in tensors {
        let start = data.len();
        numbers.iter().for_each(|number| data.extend(number.to_le_bytes()));
        let offsets = [start, data.len()];
        header.insert(
            (*name).to_owned(),
            serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": offsets}),
        );
    }
    let header = serde_json::Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

#[test]
fn a_table_of_safetensors_has_its_words_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let [table, names] = ["a.safetensors", "words.txt"].map(|name| folder.path().join(name));
    fs::write(&table, safetensors(&[("vectors", &[3, 1], &[1.0, 2.0, 3.0])])).unwrap();
    fs::write(&names, "ant\nbee\ncat\n").unwrap();
    let wanted = words(&["cat", "dog", "ant"]);
    let found = WordVectors::read_safetensors(&table, &names, WantedWords::Only(&wanted)).unwrap();
    assert_eq!((found.words, found.vectors), (words(&["ant", "cat"]), vec![1.0, 3.0]));
    assert_eq!((found.missing, found.of), (words(&["dog"]), 3));
    fs::write(&names, "ant\nbee\n").unwrap();
    let error = WordVectors::read_safetensors(&table, &names, WantedWords::All).unwrap_err();
    assert!(error.to_string().contains("has 3 rows, but"), "{error}");
}

/// A tokenizer of two words.
const TOKENS: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "vocab": {"[PAD]": 0, "[UNK]": 1, "ant": 2, "bee": 3}, "unk_token": "[UNK]"}}"#;

/// Padding is nothing, what is known is as in the file, what is missing is drawn with the spread of the columns.
#[test]
fn tokens_without_a_vector_are_drawn() {
    let tokenizer = Tokenizer::from_json(TOKENS, 8, Path::new("tokenizer.json")).unwrap();
    let table = read(b"wasp 1 10\nant 3 10\nfly 5 10\n", WantedWords::All).unwrap();
    let found = table.table(&tokenizer, 7);
    assert_eq!((found.missing, found.vectors.len()), (2, 8));
    assert_eq!(found.vectors[..2], [0.0, 0.0]);
    assert_eq!(found.vectors[4..6], [3.0, 10.0]);
    // The second column never changes.
    assert_eq!([found.vectors[3], found.vectors[7]], [10.0, 10.0]);
    assert_ne!(found.vectors[2], found.vectors[6]);
    assert!(found.vectors.iter().all(|x| x.abs() < 20.0));
    assert_eq!(found, table.table(&tokenizer, 7));
    assert_ne!(found, table.table(&tokenizer, 8));
}
