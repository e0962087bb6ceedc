//! Pickles and archives that are made to harm, one row a way.

use super::forge::{Tensor, Zip, checkpoint, dict_of, global, int, ints, pickle, text, tuple};
use super::*;

/// How a file is turned down.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Refused,
    Damaged,
    NoTensors,
}

/// Opens the file and reads everything, which must end in that verdict and say why.
fn check(what: &str, bytes: &[u8], verdict: Verdict, reason: &str) {
    let (_folder, path) = folder_with("hostile.pth", bytes);
    let error = read_everything(&path).expect_err(what);
    let found = match error {
        Error::Refused { .. } => Verdict::Refused,
        Error::PyTorch { .. } => Verdict::Damaged,
        Error::NoTensors { .. } => Verdict::NoTensors,
        _ => panic!("{what}: {error:?}"),
    };
    let message = error.to_string();
    assert_eq!(found, verdict, "{what}: {message}");
    assert!(message.contains(reason) && message.contains("hostile.pth"), "{what}: {message}");
    assert!(!message.contains(char::is_control), "{what}: {message}");
}

use Verdict::{Damaged, NoTensors, Refused};

#[test]
fn names_that_weights_do_not_need_are_refused_and_nothing_runs() {
    let folder = TempDir::new().unwrap();
    let victim = folder.path().join("victim");
    let command = text(&format!("touch {}", victim.display()));
    for (module, name) in [
        ("posix", "system"),
        ("os", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("builtins", "getattr"),
        ("__builtin__", "__import__"),
        ("runpy", "_run_code"),
        ("webbrowser", "open"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch._utils", "_rebuild_sparse_tensor"),
        ("torch.jit", "unsupported_tensor_ops"),
        ("__main__", "Net"),
        ("collections", "OrderedDict.fromkeys"),
        ("torch\x1b[31m", "FloatStorage"),
        ("", ""),
    ] {
        let call =
            [global(module, name), tuple(std::slice::from_ref(&command)), b"R".to_vec()].concat();
        let name = format!("{module}.{name}").escape_debug().to_string();
        for body in [call.clone(), [call.as_slice(), b"0}"].concat(), global(module, &name)] {
            check(
                &name,
                &checkpoint(&pickle(&body)),
                Refused,
                "which is none of what weights need",
            );
        }
    }
    assert!(!victim.exists());
}

#[test]
fn instructions_that_torch_save_does_not_write_are_refused() {
    let known = b"\x80.(qraesubhjNKMJGUTX)]}tcQR\x81\x85\x86\x87\x88\x89\x8a\x8f";
    for opcode in (0..=255).filter(|opcode| !known.contains(opcode)) {
        let bytes = checkpoint(&pickle(&[opcode, 0, 0, 0, 0, 0, 0, 0, 0, b'\n', b'\n']));
        check(&format!("{opcode:#x}"), &bytes, Refused, &format!("instruction {opcode:#04x}"));
    }
    for version in [0, 1, 3, 4, 5, 255] {
        let bytes = checkpoint(&[0x80, version, b'}', b'.']);
        check("protocol", &bytes, Refused, &format!("protocol {version}"));
    }
}

#[test]
fn instructions_without_what_they_work_on_are_errors() {
    for body in [
        &b""[..],
        b"q\x00",
        b"(q\x00",
        b"h\x07",
        b"j\xff\xff\xff\xff",
        b"t",
        b"e",
        b"u",
        b"a",
        b"s",
        b"b",
        b"R",
        b"Q",
        b"\x81",
        b"\x85",
        b"N\x86",
        b"NN\x87",
        b"(\x85",
        b"N(\x86",
        b"}(Nu",
        b"N(NNu",
        b"N(Ne",
        b"}Na",
        b"]NNs",
        b"NNR",
        b"N)R",
        b"ccollections\nOrderedDict\nNR",
        b"ccollections\nOrderedDict\n(NNtR",
        b"ccollections\nOrderedDict\n](Nae\x85R",
        b"ctorch._utils\n_rebuild_tensor_v2\n)R",
        b"ctorch._utils\n_rebuild_parameter\n)R",
        b"ctorch\nSize\n(K\x01tR",
        b"ctorch\nFloatStorage\n)R",
        b"NQ",
        b")Q",
        b"(",
        b"X\xff\xff\xff\xff",
        b"T\xff\xff\xff\x7f",
        b"U\xffabc",
        b"\x8a\xff",
        b"cno_newline",
        b"J\x00",
    ] {
        // What ends early takes the stop, so there is none behind it.
        check(&format!("{body:?}"), &checkpoint(&pickle(body)), Damaged, "not a readable");
    }
}

#[test]
fn roots_without_tensors_are_errors() {
    let deep = [b"}".as_slice(), &text("x"), &b"]".repeat(40), &b"a".repeat(39), b"s"].concat();
    for body in
        [&b"N"[..], b")", b"]", b"}", b"K\x01", b"\x8a\x00", b"G\0\0\0\0\0\0\0\0", b"}K\x00Ns"]
    {
        check(&format!("{body:?}"), &checkpoint(&pickle(body)), NoTensors, "holds no tensors");
    }
    check("nested", &checkpoint(&pickle(&deep)), Refused, "nest without end");
}

#[test]
fn sharing_does_not_multiply_what_is_held() {
    // Each pair holds the one before twice: two to the power of its number.
    let mut doubled = b"]q\x00".to_vec();
    for _ in 0..30 {
        doubled.extend(b"h\x00h\x00\x86q\x00");
    }
    // The values that are left over below it do no harm: the last pair becomes the item `x`.
    let top = [b"}".as_slice(), &text("x"), b"h\x00s"].concat();
    doubled.extend(top);
    let itself = [b"}".as_slice(), &text("x"), b"]q\x00h\x00as"].concat();
    let tensor = Tensor::default().rebuilt();
    // A thousand lists of a thousand times the same tensor.
    let list = [b"(".as_slice(), &tensor, b"q\x01", &b"h\x01".repeat(999), b"tq\x02"].concat();
    let lists = [b"(".as_slice(), &list, &b"h\x02".repeat(999), b"t"].concat();
    let wide = [b"}".as_slice(), &text("x"), &lists, b"s"].concat();
    check("doubled", &checkpoint(&pickle(&doubled)), Refused, "nest without end");
    check("itself", &checkpoint(&pickle(&itself)), Refused, "nest without end");
    check("wide", &checkpoint(&pickle(&wide)), Refused, "more than 100000 tensors");
    let many = [b"(".as_slice(), &b"N".repeat(500_000), b"t"].concat();
    check("many", &checkpoint(&pickle(&many)), Refused, "half a million steps");
    let many = [b"(".as_slice(), &b"N".repeat(490_000), b"t"].concat();
    check("fewer", &checkpoint(&pickle(&many)), NoTensors, "holds no tensors");
    let long = text(&"x".repeat((16 << 20) + 1));
    check("long", &checkpoint(&pickle(&long)), Refused, "texts take more");
    let name = [b"c".as_slice(), &vec![b'x'; 1 << 20], b"\n\n"].concat();
    check("name", &checkpoint(&pickle(&name)), Refused, "names something in more");
    // Long names within each other, of which a small file could make gigabytes.
    let key = text(&"k".repeat(500));
    let mut names = [b"}".as_slice(), &text("x"), b"}(", &key, &tensor, b"q\x01"].concat();
    for index in 0..40_000 {
        names.extend([int(index), b"h\x01".to_vec()].concat());
    }
    let inner = [b"}".as_slice(), &key, &names, b"us", b"s"].concat();
    check("names", &checkpoint(&pickle(&inner)), Refused, "names without end");
}

#[test]
fn naming_a_thing_again_and_again_is_counted() {
    let long = |bytes: usize| text(&"k".repeat(bytes));
    let nested = |key: &[u8], value: &[u8]| [b"}".as_slice(), key, value, b"s"].concat();
    let tensor = Tensor::default().rebuilt();
    let id = |key: &[u8]| {
        let start = [text("storage"), global("torch", "FloatStorage"), key.to_vec(), text("cpu")];
        tuple(&[&start[..], &[int(24)]].concat())
    };
    // An object, put into the memo, then what is done to it so many times.
    let again =
        |object: &[u8], step: &[u8], times: usize| [object, b"q\x01", &step.repeat(times)].concat();
    let list = |object: &[u8], times: usize| {
        [again(object, b"", 0), b"(".to_vec(), b"h\x01".repeat(times), b"t".to_vec()].concat()
    };
    let nothing = [b"}(".as_slice(), &b"NN".repeat(100_000), b"u"].concat();
    let pairs = [b"](".as_slice(), &b"NN\x86".repeat(50_000), b"e"].concat();
    let called = global("collections", "OrderedDict");
    let called = [called.as_slice(), b"q\x02", &pairs, b"\x85"].concat();
    for (what, body, reason) in [
        ("a long key", nested(&long(1025), &tensor), "a key has 1025 bytes, more than 1024"),
        ("a key of megabytes", nested(&long(8 << 20), b")"), "a key has 8388608 bytes"),
        (
            "a long name",
            nested(&long(600), &nested(&long(600), &tensor)),
            "name has more than 1024",
        ),
        ("a long key of a storage", [id(&long(1025)), b"Q".to_vec()].concat(), "a key has 1025"),
        ("a key of a storage, often", again(&id(&long(1024)), b"h\x01Q", 70_000), "used so often"),
        ("a key, often", list(&nested(&long(1024), b")"), 70_000), "used so often"),
        ("a dictionary of no tensors, often", list(&nothing, 20), "nest without end"),
        ("pairs, often", again(&called, b"h\x02h\x01R", 100), "used so often"),
        ("a tensor, often", again_rebuilt(&tensor, 100_001), "more than 100000 tensors"),
    ] {
        check(what, &checkpoint(&pickle(&body)), Refused, reason);
    }
}

/// A tensor, rebuilt so many times from the same arguments.
fn again_rebuilt(tensor: &[u8], times: usize) -> Vec<u8> {
    let rebuild = global("torch._utils", "_rebuild_tensor_v2");
    let args = tensor.strip_prefix(&rebuild[..]).and_then(|rest| rest.strip_suffix(b"R")).unwrap();
    [rebuild.as_slice(), b"q\x01", args, b"q\x02", &b"h\x01h\x02R".repeat(times)].concat()
}

#[test]
fn tensors_stay_within_their_storages() {
    /// Shape, strides, offset, and elements of the storage.
    type Described = (&'static [i64], &'static [i64], i64, i64);
    let rows: [(Described, Verdict, &str); 19] = [
        ((&[25], &[1], 0, 24), Damaged, "reaches past"),
        ((&[24], &[1], 1, 24), Damaged, "reaches past"),
        ((&[1], &[1], 24, 24), Damaged, "reaches past"),
        ((&[0], &[1], 25, 24), Damaged, "reaches past"),
        ((&[2, 2], &[23, 1], 0, 24), Damaged, "reaches past"),
        ((&[2], &[i64::MAX], 0, 24), Damaged, "reaches past"),
        ((&[3], &[i64::MAX], 0, 24), Damaged, "reaches past"),
        ((&[1], &[1], i64::MAX, 24), Damaged, "reaches past"),
        ((&[i64::MAX, i64::MAX], &[1, 1], 0, 24), Damaged, "too large"),
        ((&[i64::MAX / 4], &[1], 0, 24), Damaged, "too large"),
        ((&[1 << 20], &[0], 0, 24), Refused, "bytes of memory"),
        ((&[2, 2], &[1, 1], 0, 24), Refused, "overlap"),
        ((&[3, 8], &[1, 2], 0, 24), Refused, "overlap"),
        ((&[-1], &[1], 0, 24), Damaged, "negative"),
        ((&[24], &[-1], 23, 24), Damaged, "negative"),
        ((&[24], &[1], -1, 24), Damaged, "negative"),
        ((&[24], &[1, 1], 0, 24), Damaged, "strides"),
        ((&[1; 9], &[1; 9], 0, 24), Refused, "dimensions"),
        ((&[24], &[1], 0, -24), Damaged, "negative"),
    ];
    for ((shape, stride, offset, elements), verdict, reason) in rows {
        let tensor = Tensor { shape, stride, offset, elements, ..Tensor::default() };
        check(&format!("{shape:?} {stride:?} {offset}"), &tensor.file(), verdict, reason);
    }
    for (elements, kind) in [
        (23, "FloatStorage"),
        (25, "FloatStorage"),
        (24, "DoubleStorage"),
        (i64::MAX, "FloatStorage"),
    ] {
        let tensor = Tensor { elements, kind, ..Tensor::default() };
        check(kind, &tensor.file(), Damaged, "storage of another size");
    }
    // Untyped, so that nothing says what its elements are.
    let tensor = Tensor { kind: "UntypedStorage", elements: 96, ..Tensor::default() };
    check("untyped", &tensor.file(), Damaged, "element type");
}

#[test]
fn storages_are_described_once_and_fully() {
    let two = |first: Tensor<'_>, second: Tensor<'_>| {
        let items = [text("x"), first.rebuilt(), text("y"), second.rebuilt()].concat();
        checkpoint(&pickle(&[b"}(".as_slice(), &items, b"u"].concat()))
    };
    let other = Tensor { kind: "IntStorage", ..Tensor::default() };
    check("types", &two(Tensor::default(), other), Damaged, "in two ways");
    let other = Tensor { elements: 12, shape: &[12], ..Tensor::default() };
    check("sizes", &two(Tensor::default(), other), Damaged, "in two ways");

    let id = |tail: &[Vec<u8>]| {
        let start = [text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu")];
        let id = tuple(&[&start[..], tail].concat());
        checkpoint(&dict_of("x", &[id, b"Q".to_vec()].concat()))
    };
    let views = [
        tuple(&[text("v"), int(20), int(5)]),
        tuple(&[text("v"), int(-1), int(5)]),
        tuple(&[text("v"), int(i64::MAX), int(i64::MAX)]),
        ints(&[1]),
        int(1),
    ];
    check("short", &id(&[]), Damaged, "as PyTorch does it");
    check("no number", &id(&[text("24")]), Damaged, "as PyTorch does it");
    check("long", &id(&[int(24), b"N".to_vec(), b"N".to_vec()]), Damaged, "as PyTorch does it");
    for view in views {
        check("view", &id(&[int(24), view]), Damaged, "not a readable");
    }
    let missing = Zip::of(&[("x/data.pkl", &dict_of("x", &Tensor::default().rebuilt()))]);
    check("missing", &missing.bytes(), Damaged, "storage of tensor x is missing");
    let name = dict_of("\u{1b}]0;x\u{7}", &Tensor::default().rebuilt());
    check("control", &checkpoint(&name), Refused, "control characters");
}

#[test]
fn archives_have_one_content_for_everybody() {
    let floats = [0; 96];
    let pickle = dict_of("x", &Tensor::default().rebuilt());
    let sound = Zip::of(&[("x/data.pkl", &pickle), ("x/data/0", &floats), ("x/version", b"3\n")]);
    let (_folder, path) = folder_with("sound.pth", sound.bytes());
    assert_eq!(read_everything(&path).unwrap(), 24);

    type Change = fn(&mut Zip);
    let rows: [(&str, Change, Verdict, &str); 17] = [
        ("method", |zip| zip.entries[1].method = 8, Refused, "compressed"),
        ("sizes", |zip| zip.entries[1].sizes = (95, 96), Refused, "compressed"),
        ("encrypted", |zip| zip.entries[1].flags = 1, Refused, "encrypted"),
        ("too long", |zip| zip.entries[2].sizes = (1 << 20, 1 << 20), Damaged, "past its end"),
        ("without", |zip| zip.entries[1].sizes = (u32::MAX, u32::MAX), Damaged, "missing"),
        ("overlap", |zip| zip.entries[1].sizes = (97, 97), Refused, "overlap"),
        ("same place", |zip| zip.entries.push(zip.entries[1].clone()), Damaged, "twice"),
        ("local name", |zip| zip.entries[1].local_name = "x/data/1".into(), Damaged, "disagree"),
        (
            "local length",
            |zip| zip.entries[1].local_name = "longer/name".into(),
            Damaged,
            "disagree",
        ),
        ("displaced", |zip| zip.entries[1].displaced = 1, Damaged, "disagree"),
        ("outside", |zip| zip.entries[1].displaced = 1 << 20, Damaged, "outside"),
        ("far outside", |zip| zip.entries[1].displaced = u32::MAX / 2, Damaged, "outside"),
        ("checksum", |zip| zip.entries[0].checksum ^= 1, Damaged, "checksum"),
        ("comment", |zip| zip.comment = b"more".to_vec(), Damaged, "comment"),
        ("no pickle", |zip| zip.entries[0].name = "x/data.txt".into(), Damaged, "disagree"),
        ("long name", |zip| zip.entries[2].name = "x".repeat(2000), Refused, "name of more"),
        (
            "big-endian",
            |zip| *zip = Zip::of(&[("data.pkl", b""), ("byteorder", b"big")]),
            Refused,
            "big-endian",
        ),
    ];
    for (what, change, verdict, reason) in rows {
        let mut zip = sound.clone();
        change(&mut zip);
        check(what, &zip.bytes(), verdict, reason);
    }
    let nothing = Zip::of(&[("x/data.txt", &[])]);
    check("no pickle", &nothing.bytes(), Damaged, "no data.pkl");
    for (at, value) in [(6, 1), (10, 255), (12, 1), (16, 1), (19, 255)] {
        let mut bytes = sound.bytes();
        let end = bytes.len() - 22;
        // Fields of the record at the end that must agree with the directory; some are not used.
        bytes[end + at] ^= value;
        let (_folder, path) = folder_with("hostile.pth", bytes);
        assert_eq!(read_everything(&path).is_ok(), at == 6, "{at}");
    }
}

#[test]
fn legacy_files_end_with_their_last_storage() {
    let bytes = fs::read(super::pytorch::fixture("nested_legacy.pth")).unwrap();
    check("longer", &[bytes.as_slice(), b"x"].concat(), Damaged, "1 bytes follow");
    let system = bytes.windows(13).position(|window| window == b"little_endian").unwrap();
    let mut changed = bytes.clone();
    changed[system] = b'L';
    check("endian", &changed, Refused, "little-endian");
    let version = bytes.windows(3).position(|window| window == b"M\xe9\x03").unwrap();
    let mut changed = bytes;
    changed[version + 1] = 0;
    check("version", &changed, Damaged, "version");
}
