use burn::{
    optim::{AdamWConfig, GradientsParams},
    tensor::Tolerance,
};
use rekindle_layers::parameters;

use super::*;
use crate::{SCRATCH, TextBackbone};

const WORDS: usize = 30;

/// Every network from nothing, stacked where it has layers, and with every way of pooling.
fn configs() -> Vec<EncoderConfig> {
    let mut configs = Vec::new();
    for name in SCRATCH {
        let usual = EncoderConfig {
            embedding_size: 12,
            hidden_size: 8,
            ..EncoderConfig::scratch(name, WORDS).unwrap()
        };
        for pooling in [Pooling::Mean, Pooling::First, Pooling::Last, Pooling::Max] {
            let pool = TextPool { pooling, normalize: pooling == Pooling::Mean };
            let num_hidden_layers = usual.num_hidden_layers * 2;
            configs.push(EncoderConfig { num_hidden_layers, pool, ..usual.clone() });
        }
        configs.push(usual);
    }
    configs
}

/// Texts padded to a length.
fn tokens(texts: &[&[i64]], length: usize, device: &Device) -> Tokens {
    let number = |text: &&[i64], at: usize| text.get(at).copied().unwrap_or(0);
    let all = |of: &dyn Fn(&&[i64], usize) -> i64| -> TensorData {
        let values = texts.iter().flat_map(|text| (0..length).map(move |at| of(text, at)));
        TensorData::new(values.collect::<Vec<i64>>(), [texts.len(), length])
    };
    let ids = Tensor::<2, Int>::from_data(all(&number), device);
    let mask = all(&|text, at| i64::from(at < text.len()));
    let mask = Tensor::<2, Int>::from_data(mask, device).float();
    Tokens { types: ids.zeros_like(), ids, mask }
}

const TEXTS: [&[i64]; 3] = [&[3, 7, 29, 2, 2, 11, 8], &[5], &[9, 1, 4, 6]];

/// A text by itself has the vector that it has beside longer ones, whatever is behind it.
#[test]
fn padding_reaches_nothing() {
    let device = Device::flex();
    for config in configs() {
        let network = TextBackbone::new(&config, &device);
        let together = network.embed(tokens(&TEXTS, 12, &device));
        assert_eq!(together.dims(), [3, network.embed_dim()]);
        for (row, text) in TEXTS.iter().enumerate() {
            let alone = network.embed(tokens(&[*text], text.len(), &device));
            let beside = together.clone().narrow(0, row, 1).into_data();
            let close = Tolerance::<f32>::absolute(1e-6);
            alone.into_data().assert_approx_eq::<f32>(&beside, close);
        }
    }
}

#[test]
fn an_empty_text_is_a_number() {
    let device = Device::flex();
    for config in configs() {
        let network = TextBackbone::new(&config, &device);
        let found = network.embed(tokens(&[&[], &[4]], 1, &device));
        let largest: f32 = found.abs().max().into_scalar();
        assert!(largest < 10.0, "{config:?}: {largest}");
    }
}

/// Neither gradients nor decay move the row that stands for nothing, not even where a text says it.
#[test]
fn the_row_of_padding_stays_zero() {
    let device = Device::flex().autodiff();
    for config in configs() {
        let config = EncoderConfig { pad_token_id: 2, ..config };
        let mut network = Scratch::new(&config, &device);
        let before = network.embedding.weight.val().into_data();
        let mut optimizer = AdamWConfig::new().with_weight_decay(0.1).init();
        for _ in 0..3 {
            let loss = network.embed(tokens(&TEXTS, 9, &device)).powi_scalar(2).sum();
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(0.01, network, gradients);
        }
        let after = network.embedding.weight.val();
        let row = after.clone().narrow(0, 2, 1).into_data();
        row.assert_eq(&TensorData::new(vec![0.0_f32; 12], [1, 12]), true);
        assert_ne!(after.into_data(), before, "{config:?}: nothing was learned");
    }
}

#[test]
fn every_parameter_is_in_one_stage() {
    for config in configs() {
        let network = TextBackbone::new(&config, &Device::flex());
        let stages = network.stages();
        assert_eq!(stages.len(), network.depth());
        assert_eq!(stages.len(), 1 + config.num_hidden_layers);
        for parameter in parameters(&network) {
            let owners = stages.iter().filter(|stage| stage.owns(&parameter.name)).count();
            assert_eq!(owners, 1, "{}", parameter.name);
        }
    }
}

#[test]
fn names_are_pytorchs() {
    let stacked = |name: &str| EncoderConfig {
        num_hidden_layers: 2,
        ..EncoderConfig::scratch(name, WORDS).unwrap()
    };
    let names = |config: &EncoderConfig| -> Vec<String> {
        let network = TextBackbone::new(config, &Device::flex());
        parameters(&network).into_iter().map(|found| found.name).collect()
    };
    let mut expected = vec!["embedding.weight".to_owned()];
    for layer in 0..2 {
        expected.extend(Recurrent::names(layer).into_iter().map(|name| format!("encoder.{name}")));
    }
    assert_eq!(names(&stacked("bilstm")), expected);
    let convolutions = ["encoder.0.weight", "encoder.0.bias", "encoder.1.weight", "encoder.1.bias"];
    assert_eq!(names(&stacked("conv1d"))[1..], convolutions);
}

#[test]
fn given_vectors_replace_rows_that_then_train() {
    let device = Device::flex().autodiff();
    let config =
        EncoderConfig { embedding_size: 3, ..EncoderConfig::scratch("mean", WORDS).unwrap() };
    let mut bare = EncoderConfig::vectors(WORDS, 3).unwrap();
    bare.token_weights = true;
    for config in [config, bare] {
        let network = TextBackbone::new(&config, &device);
        let before = network.embed(tokens(&[&[8]], 1, &device)).into_data();
        let network =
            network.with_vectors(&[(7, &[1.0, 2.0, 3.0]), (29, &[4.0, 6.0, 8.0])]).unwrap();
        let found = network.embed(tokens(&[&[7], &[7, 29], &[8]], 2, &device));
        let expected = [[1.0_f32, 2.0, 3.0], [2.5, 4.0, 5.5]];
        found.clone().narrow(0, 0, 2).into_data().assert_eq(&TensorData::from(expected), true);
        found.clone().narrow(0, 2, 1).into_data().assert_eq(&before, true);
        let gradients = GradientsParams::from_grads(found.sum().backward(), &network);
        assert_eq!(gradients.len(), parameters(&network).len());
        for (row, named) in [
            (
                (WORDS, [0.0; 3].as_slice()),
                "3 numbers for token 30 does not fit a table of 30 tokens",
            ),
            ((1, &[0.0; 4]), "4 numbers for token 1 does not fit"),
        ] {
            let error = network.clone().with_vectors(&[row]).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}

/// model2vec's: the mean of weighed rows over the count of tokens, then of length 1.
#[test]
fn a_table_is_what_model2vec_makes_of_it() {
    let device = Device::flex();
    let config = EncoderConfig {
        token_weights: true,
        pool: TextPool { pooling: Pooling::Mean, normalize: true },
        ..EncoderConfig::vectors(4, 2).unwrap()
    };
    let network = TextBackbone::new(&config, &device)
        .with_vectors(&[(1, &[3.0, 0.0]), (2, &[0.0, 4.0]), (0, &[9.0, 9.0])])
        .unwrap();
    let found = network.embed(tokens(&[&[1, 2], &[]], 3, &device)).into_data();
    let expected = TensorData::from([[0.6_f32, 0.8], [0.0, 0.0]]);
    found.assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-6));
}
