use super::*;

/// `SerializeToString` of the same events in Python, hexadecimal: messages of tensorboard 2.21,
/// summaries by torch 2.15's `torch.utils.tensorboard.summary`.
#[test]
fn events_are_tensorboards() {
    let text = Value::Text("# Plan");
    let image = Value::Image(Image { width: 3, height: 2, channels: 3, png: b"\x89PNG" });
    let histogram = Histogram::of(&[0.25, 0.25, 0.265625]);
    for (step, what, expected) in [
        (0, What::Version, "09000000000000f83f1a0d627261696e2e4576656e743a32"),
        (
            300,
            What::Value("loss", Value::Scalar(0.25)),
            "09000000000000f83f10ac022a0d0a0b0a046c6f7373150000803e",
        ),
        (7, What::Start, "09000000000000f83f10073a020801"),
        (
            1,
            What::Value("plan", text),
            "09000000000000f83f10012a240a220a04706c616e4210080712041202080142062320506c616e4a080a060a0474657874",
        ),
        (
            1,
            What::Value("a", image),
            "09000000000000f83f10012a130a110a0161220c080210031803220489504e47",
        ),
        (1, What::Value("w", Value::Histogram(histogram)), HISTOGRAM),
    ] {
        let bytes = encode(1.5, step, &what);
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, expected, "{what:?}");
    }
}

const HISTOGRAM: &str = "09000000000000f83f10012a580a560a01772a5109000000000000d03f11000000000000d13f19000000000000084021000000000080e83f29000000000008c93f3210ed5ad35fc5eace3f9c0b81c11f01d13f3a1000000000000000000000000000000840";

#[test]
fn the_header_of_a_png_says_its_size() {
    let png = |color| {
        [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\x02\0\0\0\x03\x08".as_slice(), &[color]].concat()
    };
    for (color, channels) in [(0, 1), (2, 3), (3, 3), (4, 2), (6, 4)] {
        let png = png(color);
        assert_eq!(Image::of(&png), Ok(Image { width: 258, height: 3, channels, png: &png }));
    }
    assert!(Image::of(&png(1)).is_err());
    assert!(Image::of(&png(0)[..25]).is_err());
    assert!(Image::of(&[]).is_err());
    assert!(Image::of(&[0xff; 64]).is_err());
    for (place, value) in [(16, 0x80), (23, 0)] {
        let mut bad = png(0);
        bad[18..20].fill(0);
        bad[place] = value;
        assert!(Image::of(&bad).is_err(), "{place}");
    }
}
