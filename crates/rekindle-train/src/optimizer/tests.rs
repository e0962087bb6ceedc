//! Steps against PyTorch's, and state that is saved, dropped and refused.

use burn::nn::{Linear, LinearConfig};

use super::*;

/// Three steps of one parameter from `[1, -2, 0.5]`.
fn three_steps(config: OptimizerConfig, gradients: [[f64; 3]; 3]) -> Vec<f32> {
    let device = Device::flex();
    let mut w = Tensor::<2>::from_floats([[1.0, -2.0, 0.5]], &device);
    let optimizer = OnePass { config, decayed: Decayed::Yes };
    let mut state = None;
    for gradient in gradients {
        let gradient = Tensor::from_floats([gradient], &device);
        (w, state) = optim::Optimizer::step(&optimizer, 0.1, w, gradient, state);
    }
    w.into_data().try_to_vec().unwrap()
}

/// `torch.optim.AdamW`, `torch.optim.SGD(nesterov=True)` and `timm.optim.lion.Lion`.
#[test]
fn steps_are_pytorchs() {
    let same = [[0.5, 3.0, 0.0]; 3];
    let turning = [[0.5, 3.0, 0.0], [-0.02, 1.0, 0.0], [-1.0, -0.4, 0.0]];
    for (config, gradients, expected) in [
        (
            OptimizerConfig::AdamW { weight_decay: 0.01 },
            same,
            [0.697_302_94, -2.293_706, 0.498_501_5],
        ),
        (
            OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 0.1 },
            same,
            [0.525_363_6, -4.214_969_6, 0.460_446_97],
        ),
        (
            OptimizerConfig::Lion { weight_decay: 0.1 },
            turning,
            [0.873_289, -2.037_608, 0.485_149_5],
        ),
    ] {
        let found = three_steps(config, gradients);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-6, "{config:?}: {found} against {expected}");
        }
    }
}

#[test]
fn what_does_not_decay_goes_by_name() {
    let group = not_decayed();
    for (path, expected) in [
        ("layer1.0.conv1.weight", false),
        ("fc.weight", false),
        ("patch_embed.proj.weight", false),
        ("token_mixer.weight", false),
        ("fc.bias", true),
        ("bn1.gamma", true),
        ("bias", true),
        ("cls_token", true),
        ("reg_token", true),
        ("pos_embed", true),
        ("absolute_pos_embed", true),
        ("encoder.pos_embedding", true),
        ("blocks.0.attn.relative_position_bias_table", true),
        ("blocks.0.attn.rel_pos_h", true),
    ] {
        assert_eq!(group.matches(&ParamId::from(1), Some(path)), expected, "{path}");
    }
}

#[test]
fn vectors_do_not_decay() {
    let config = OptimizerConfig::Sgd { momentum: 0.0, weight_decay: 0.5 };
    let optimizer = OnePass { config, decayed: Decayed::Yes };
    let device = Device::flex();
    let zeros = Tensor::<1>::zeros([2], &device);
    let (w, _) =
        optim::Optimizer::step(&optimizer, 0.1, Tensor::<1>::ones([2], &device), zeros, None);
    assert_eq!(w.into_data().try_to_vec::<f32>().unwrap(), [1.0, 1.0]);
}

fn layer() -> Linear {
    LinearConfig::new(3, 2).init(&Device::flex().autodiff())
}

/// A step with gradients that are multiples of `scale`.
fn step(optimizer: &mut Optimizer, layer: Linear, scale: f64) -> Linear {
    let x = Tensor::<2>::ones([4, 3], &Device::flex().autodiff());
    let gradients =
        GradientsParams::from_grads((layer.forward(x).sum() * scale).backward(), &layer);
    optimizer.step(&Rates::uniform(0.1), 1.0, layer, gradients)
}

const ALL: [OptimizerConfig; 3] = [
    OptimizerConfig::AdamW { weight_decay: 0.01 },
    OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 1e-4 },
    OptimizerConfig::Lion { weight_decay: 0.1 },
];

#[test]
fn state_outlives_its_bytes() {
    for config in ALL {
        let mut optimizer = config.init();
        let layer = step(&mut optimizer, layer(), 1.0);
        let mut again = config.from_bytes(&optimizer.to_bytes().unwrap()).unwrap();
        let expected = step(&mut optimizer, layer.clone(), -0.01);
        let found = step(&mut again, layer.clone(), -0.01);
        found.weight.val().into_data().assert_eq(&expected.weight.val().into_data(), true);
        // Without it, the second step would be another one.
        let fresh = step(&mut config.init(), layer, -0.01).weight.val().into_data();
        assert_ne!(fresh, expected.weight.val().into_data(), "{config:?}");
    }
}

#[test]
fn broken_and_foreign_bytes_are_refused() {
    for config in ALL {
        let mut optimizer = config.init();
        step(&mut optimizer, layer(), 1.0);
        let bytes = optimizer.to_bytes().unwrap();
        for length in
            [0, 5, SIGNATURE.len(), SIGNATURE.len() + 6, 60, bytes.len() / 2, bytes.len() - 1]
        {
            let error = config.from_bytes(&bytes[..length]).unwrap_err();
            assert!(matches!(error, Error::Load { .. }), "{config:?}, {length}: {error}");
        }
        for other in ALL {
            assert_eq!(other.from_bytes(&bytes).is_ok(), other == config, "{other:?}");
        }
    }
}

#[test]
fn what_is_frozen_is_forgotten() {
    let config = OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 0.1 };
    let mut optimizer = config.init();
    let mut layer = step(&mut optimizer, layer(), 1.0);
    let with_state = optimizer.inner.to_record().len();
    layer.weight = layer.weight.set_require_grad(false);
    optimizer.discard_frozen(&layer);
    assert_eq!((with_state, optimizer.inner.to_record().len()), (2, 1));
    // It starts anew, with decay on the weight as ever.
    layer.weight = layer.weight.set_require_grad(true);
    let found = step(&mut optimizer, layer.clone(), 1.0);
    let expected = step(&mut config.init(), layer, 1.0);
    found.weight.val().into_data().assert_eq(&expected.weight.val().into_data(), true);
}
