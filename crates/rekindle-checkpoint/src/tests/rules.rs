//! Rules: what is loaded by them, and what saving makes of it again.

use burn::{
    module::Param,
    nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig},
};

use rekindle_layers::resample_positions;

use super::*;

#[derive(Module, Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    proj: Linear,
}

impl Attention {
    fn new() -> Self {
        let linear = || LinearConfig::new(2, 2).init(&Device::flex());
        Self { query: linear(), key: linear(), value: linear(), proj: linear() }
    }
}

#[derive(Module, Debug)]
struct Scale {
    gamma: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Block {
    norm1: LayerNorm,
    attn: Attention,
    ls1: Scale,
}

/// A vision transformer, as far as names go.
#[derive(Module, Debug)]
struct Transformer {
    cls_token: Param<Tensor<3>>,
    pos_embed: Param<Tensor<3>>,
    blocks: Vec<Block>,
}

fn zeros<const D: usize>(shape: [usize; D]) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::zeros(shape, &Device::flex()))
}

impl Transformer {
    fn new(positions: usize) -> Self {
        let block = || Block {
            norm1: LayerNormConfig::new(2).init(&Device::flex()),
            attn: Attention::new(),
            ls1: Scale { gamma: zeros([2]) },
        };
        Self {
            cls_token: zeros([1, 1, 2]),
            pos_embed: zeros([1, positions, 2]),
            blocks: vec![block(), block()],
        }
    }
}

const TIMM: &[Rule] = &[
    Rule::Split {
        file: "attn.qkv.weight",
        parameters: &["attn.query.weight", "attn.key.weight", "attn.value.weight"],
    },
    Rule::Split {
        file: "attn.qkv.bias",
        parameters: &["attn.query.bias", "attn.key.bias", "attn.value.bias"],
    },
    Rule::Resampled {
        parameter: "pos_embed",
        by: |values, from, to| resample_positions(values, from, to, 1),
    },
];

const TIMM_FILE: &[Row<'_>] = &[
    ("blocks.0.attn.proj.bias", &[2], 10.0),
    ("blocks.0.attn.proj.weight", &[2, 2], 20.0),
    ("blocks.0.attn.qkv.bias", &[6], 30.0),
    ("blocks.0.attn.qkv.weight", &[6, 2], 40.0),
    ("blocks.0.ls1.gamma", &[2], 60.0),
    ("blocks.0.norm1.bias", &[2], 70.0),
    ("blocks.0.norm1.weight", &[2], 80.0),
    ("blocks.1.attn.proj.bias", &[2], 110.0),
    ("blocks.1.attn.proj.weight", &[2, 2], 120.0),
    ("blocks.1.attn.qkv.bias", &[6], 130.0),
    ("blocks.1.attn.qkv.weight", &[6, 2], 140.0),
    ("blocks.1.ls1.gamma", &[2], 160.0),
    ("blocks.1.norm1.bias", &[2], 170.0),
    ("blocks.1.norm1.weight", &[2], 180.0),
    ("cls_token", &[1, 1, 2], 200.0),
    ("pos_embed", &[1, 5, 2], 210.0),
];

/// PyTorch's LSTM has all gates in one tensor, Burn's a layer for each.
#[derive(Module, Debug)]
struct Gates {
    input: Linear,
    forget: Linear,
    cell: Linear,
    output: Linear,
}

const GATES: &[Rule] = &[
    Rule::Split {
        file: "weight_ih_l0",
        parameters: &["input.weight", "forget.weight", "cell.weight", "output.weight"],
    },
    Rule::Split {
        file: "bias_ih_l0",
        parameters: &["input.bias", "forget.bias", "cell.bias", "output.bias"],
    },
];

/// PyTorch's multi-head attention.
const IN_PROJ: &[Rule] = &[
    Rule::Split {
        file: "in_proj_weight",
        parameters: &["query.weight", "key.weight", "value.weight"],
    },
    Rule::Split { file: "in_proj_bias", parameters: &["query.bias", "key.bias", "value.bias"] },
];

/// BERT's three layers as one.
#[derive(Module, Debug)]
struct Fused {
    qkv: Linear,
}

const JOINED: &[Rule] = &[
    Rule::Join {
        file: &["self.query.weight", "self.key.weight", "self.value.weight"],
        parameter: "qkv.weight",
    },
    Rule::Join {
        file: &["self.query.bias", "self.key.bias", "self.value.bias"],
        parameter: "qkv.bias",
    },
];

fn linear(channels_in: usize, out: usize) -> Linear {
    LinearConfig::new(channels_in, out).init(&Device::flex())
}

fn gates() -> Gates {
    Gates { input: linear(3, 2), forget: linear(3, 2), cell: linear(3, 2), output: linear(3, 2) }
}

/// Loads a file, checks some values, saves, and fails unless the saved file is the loaded one.
fn check<M: Module>(
    module: M,
    rules: &'static [Rule],
    rows: &[Row<'_>],
    expected: &[(&str, &[f32])],
) {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&folder.path().join("a.safetensors"), rows);
    let naming = naming(rules);
    let (module, report) = load(module, &file, &naming, HeadPolicy::Required).unwrap();
    assert_eq!(report.loaded.len(), rows.len(), "{report}");
    assert!(report.unused.is_empty() && report.reinitialized.is_empty(), "{report}");
    let found = values(&module);
    for (name, values) in expected {
        assert_eq!(&found[*name], values, "{name}");
    }
    let saved = folder.path().join("b.safetensors");
    save(&module, &saved, &naming, &BTreeMap::new()).unwrap();
    assert_eq!(contents(&CheckpointFile::open(&saved).unwrap()), contents(&file));
}

#[test]
fn what_rules_split_or_join_is_saved_as_it_was() {
    // Linear weights are `[out, in]` in the file and `[in, out]` here.
    check(
        Transformer::new(5),
        TIMM,
        TIMM_FILE,
        &[
            ("blocks.0.attn.query.weight", &[40.0, 42.0, 41.0, 43.0]),
            ("blocks.0.attn.key.weight", &[44.0, 46.0, 45.0, 47.0]),
            ("blocks.1.attn.value.weight", &[148.0, 150.0, 149.0, 151.0]),
            ("blocks.1.attn.value.bias", &[134.0, 135.0]),
            ("blocks.1.norm1.weight", &[180.0, 181.0]),
            ("blocks.0.ls1.gamma", &[60.0, 61.0]),
            ("cls_token", &[200.0, 201.0]),
        ],
    );
    check(
        gates(),
        GATES,
        &[("weight_ih_l0", &[8, 3], 0.0), ("bias_ih_l0", &[8], 50.0)],
        &[("cell.weight", &[12.0, 15.0, 13.0, 16.0, 14.0, 17.0]), ("output.bias", &[56.0, 57.0])],
    );
    check(
        Attention::new(),
        IN_PROJ,
        &[
            ("in_proj_weight", &[6, 2], 0.0),
            ("in_proj_bias", &[6], 50.0),
            ("proj.weight", &[2, 2], 60.0),
            ("proj.bias", &[2], 70.0),
        ],
        &[("key.weight", &[4.0, 6.0, 5.0, 7.0]), ("key.bias", &[52.0, 53.0])],
    );
    check(
        Fused { qkv: linear(2, 6) },
        JOINED,
        &[
            ("self.query.weight", &[2, 2], 0.0),
            ("self.key.weight", &[2, 2], 10.0),
            ("self.value.weight", &[2, 2], 20.0),
            ("self.query.bias", &[2], 30.0),
            ("self.key.bias", &[2], 40.0),
            ("self.value.bias", &[2], 50.0),
        ],
        &[
            ("qkv.bias", &[30.0, 31.0, 40.0, 41.0, 50.0, 51.0]),
            ("qkv.weight", &[0., 2., 10., 12., 20., 22., 1., 3., 11., 13., 21., 23.]),
        ],
    );
    const UNTRANSPOSED: &[Rule] = &[Rule::Untransposed { parameter: "c_attn.weight" }];
    #[derive(Module, Debug)]
    struct Gpt {
        c_attn: Linear,
    }
    check(
        Gpt { c_attn: linear(2, 3) },
        UNTRANSPOSED,
        &[("c_attn.weight", &[2, 3], 0.0), ("c_attn.bias", &[3], 10.0)],
        &[("c_attn.weight", &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])],
    );
}

#[test]
fn everything_wrong_with_split_and_joined_tensors_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let rows = &[("weight_ih_l0", &[6, 3][..], 0.0), ("bias_hh_l0", &[8], 0.0)];
    let error = load(gates(), &file(&path, rows), &naming(GATES), HeadPolicy::Required);
    let expected = [
        "shape: weight_ih_l0 is [6, 3] in the file, [8, 3] in the network",
        "missing: bias_ih_l0 [8]",
        "left over: bias_hh_l0 [8]",
    ];
    assert_eq!(problems(error.unwrap_err()), expected);

    let rows = &[
        ("self.query.weight", &[2, 2][..], 0.0),
        ("self.key.weight", &[2], 0.0),
        ("self.query.bias", &[2], 0.0),
        ("self.key.bias", &[2], 0.0),
        ("self.value.bias", &[3], 0.0),
    ];
    let fused = Fused { qkv: linear(2, 6) };
    let error = load(fused, &file(&path, rows), &naming(JOINED), HeadPolicy::Required);
    let expected = [
        "shape: self.key.weight is [2] in the file, [2, 2] in the network",
        "missing: self.value.weight [2, 2]",
        "shape: self.value.bias is [3] in the file, [2] in the network",
    ];
    assert_eq!(problems(error.unwrap_err()), expected);
}

#[test]
fn rules_that_do_not_fit_the_network_are_an_error() {
    const LACKS: &[Rule] =
        &[Rule::Split { file: "w", parameters: &["input.weight", "gone.weight"] }];
    const UNLIKE: &[Rule] =
        &[Rule::Split { file: "w", parameters: &["input.weight", "input.bias"] }];
    const UNEVEN: &[Rule] = &[Rule::Join { file: &["a", "b", "c"], parameter: "input.weight" }];
    let folder = tempfile::tempdir().unwrap();
    let file = file(&folder.path().join("a.safetensors"), &[("w", &[2], 0.0)]);
    for (rules, expected) in [
        (LACKS, "w: the network lacks gone.weight"),
        (UNLIKE, "w: its parameters differ in more than the first axis"),
        (UNEVEN, "a, b, c: the parameter does not divide into 3"),
    ] {
        let naming = naming(rules);
        let error = load(gates(), &file, &naming, HeadPolicy::Required).unwrap_err();
        assert!(matches!(error, Error::Rules { .. }), "{error}");
        assert_eq!(problems(error), [expected]);
        let path = folder.path().join("b.safetensors");
        let error = save(&gates(), &path, &naming, &BTreeMap::new()).unwrap_err();
        assert_eq!(problems(error), [expected]);
        assert!(!path.exists());
    }
}

/// A language model, as far as names go.
#[derive(Module, Debug)]
struct Language {
    words: Embedding,
    pooler: Linear,
}

const ONCE: &[Rule] = &[
    Rule::Tied { parameter: "words.weight", twin: "decoder.weight", saved: Saved::Once },
    Rule::Optional { parameters: "pooler", reason: "nobody reads it" },
    Rule::Unused { file: "position_ids", reason: "they count from zero" },
];

const TWICE: &[Rule] = &[
    Rule::Tied { parameter: "words.weight", twin: "decoder.weight", saved: Saved::Twice },
    Rule::Optional { parameters: "pooler", reason: "nobody reads it" },
];

#[test]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn tied_and_optional_tensors_are_accounted_for() {
    let module = || Language {
        words: EmbeddingConfig::new(3, 2).init(&Device::flex()),
        pooler: linear(2, 2),
    };
    let words = ("words.weight", &[3, 2][..], 0.0);
    let twin = ("decoder.weight", &[3, 2][..], 0.0);
    let other = ("decoder.weight", &[3, 2][..], 1.0);
    let pooler = [("pooler.weight", &[2, 2][..], 0.0), ("pooler.bias", &[2], 0.0)];
    let ids = ("embeddings.position_ids", &[1, 4][..], 0.0);
    let folder = tempfile::tempdir().unwrap();
    // Rules, the file, loaded, drawn anew, unused; the names that are saved.
    let rows: [(&[Rule], Vec<Row<'_>>, [usize; 3], usize); 4] = [
        (ONCE, vec![words, pooler[0], pooler[1]], [3, 0, 0], 3),
        (ONCE, vec![words, twin, ids], [1, 2, 2], 3),
        (TWICE, vec![twin], [1, 2, 0], 4),
        (TWICE, vec![words, twin, pooler[0], pooler[1]], [3, 0, 1], 4),
    ];
    for (rules, rows, counts, saved) in rows {
        let naming = naming(rules);
        let file = file(&folder.path().join("a.safetensors"), &rows);
        let (module, report) = load(module(), &file, &naming, HeadPolicy::Required).unwrap();
        let found = [report.loaded.len(), report.reinitialized.len(), report.unused.len()];
        assert_eq!(found, counts, "{rows:?}: {report}");
        assert_eq!(values(&module)["words.weight"], ramp(&[3, 2], 0.0));
        let path = folder.path().join("b.safetensors");
        save(&module, &path, &naming, &BTreeMap::new()).unwrap();
        let tensors = contents(&CheckpointFile::open(&path).unwrap());
        assert_eq!(tensors.len(), saved, "{:?}", tensors.keys());
        if let Some(twin) = tensors.get("decoder.weight") {
            assert_eq!(*twin, tensors["words.weight"]);
        }
    }

    let path = folder.path().join("c.safetensors");
    let differing = file(&path, &[words, other]);
    let error = load(module(), &differing, &naming(ONCE), HeadPolicy::Required).unwrap_err();
    let expected = "decoder.weight differs from words.weight, which it is to be the same as";
    assert_eq!(problems(error), [expected]);
    // Half of an optional part is none.
    let half = file(&path, &[words, pooler[0]]);
    let (_, report) = load(module(), &half, &naming(ONCE), HeadPolicy::Required).unwrap();
    assert_eq!((report.loaded.len(), report.reinitialized.len()), (2, 1));
    let neither = file(&path, &[pooler[0], pooler[1]]);
    let error = load(module(), &neither, &naming(ONCE), HeadPolicy::Required).unwrap_err();
    assert_eq!(problems(error), ["missing: words.weight [3, 2]"]);
}

/// `timm.layers.resample_abs_pos_embed` of timm 1.0.31 on PyTorch 2.15, of `sin(0.7 i + 0.25)`.
#[test]
fn positions_are_resampled_as_timm_does() {
    type Case<'a> = ([usize; 3], usize, &'a [f32]);
    let cases: [Case<'_>; 4] = [
        (
            [4, 3, 2],
            22,
            &[
                0.247404, 0.813416, 0.996865, 0.711473, -0.076638, -0.630642, -0.805433, -0.45596,
                0.436921, 0.834601, 0.629981, 0.087911, -0.691245, -0.825031, -0.320776, 0.281139,
                0.885261, 0.743482, -0.081827, -0.603023, -0.848659, -0.47374,
            ],
        ),
        (
            [5, 2, 0],
            8,
            &[0.373939, 0.127376, -0.389962, -0.156544, -0.252684, -0.431373, 0.226712, 0.422123],
        ),
        // The first and the last of many.
        ([3, 5, 1], 52, &[0.247404, 0.813416, 1.184349, 0.853579, 0.779842, 0.2549]),
        ([2, 7, 1], 100, &[0.247404, 0.813416, 1.327437, 1.057508, 1.245466, 0.938019]),
    ];
    let table = |rows: usize| -> Vec<f32> {
        (0..rows * 2).map(|index| (index as f64 * 0.7 + 0.25).sin() as f32).collect()
    };
    for ([old, new, prefix], count, expected) in cases {
        let rows = [old, new].map(|side| side * side + prefix);
        let [from, to] = rows.map(|rows| [1, rows, 2]);
        let found = resample_positions(&table(rows[0]), &from, &to, prefix).unwrap();
        assert_eq!(found.len(), count, "{old} {new}");
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-6, "{old} {new}: {found} {expected}");
        }
        if new == 7 {
            assert!((found[99] - 0.511872).abs() < 2e-6, "{}", found[99]);
        }
    }
    for (from, to) in [
        ([1, 5, 2], [1, 10, 3]),
        ([1, 5, 2], [1, 11, 2]),
        ([1, 1, 2], [1, 5, 2]),
        ([2, 5, 2], [2, 10, 2]),
        ([1, 0, 2], [1, 5, 2]),
    ] {
        assert!(resample_positions(&table(5), &from, &to, 1).is_err(), "{from:?} {to:?}");
    }
}

#[test]
fn a_table_of_another_size_is_resampled_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&folder.path().join("a.safetensors"), TIMM_FILE);
    let naming = naming(TIMM);
    let (module, report) =
        load(Transformer::new(10), &file, &naming, HeadPolicy::Required).unwrap();
    let how = "resampled from [1, 5, 2] to [1, 10, 2]".to_owned();
    assert_eq!(report.adapted, [("pos_embed".to_owned(), how)]);
    assert_eq!(report.loaded.len(), TIMM_FILE.len() - 1);
    let expected =
        resample_positions(&ramp(&[1, 5, 2], 210.0), &[1, 5, 2], &[1, 10, 2], 1).unwrap();
    assert_eq!(values(&module)["pos_embed"], expected);

    let error = load(Transformer::new(12), &file, &naming, HeadPolicy::Required).unwrap_err();
    assert!(problems(error)[0].contains("no square"));
}
