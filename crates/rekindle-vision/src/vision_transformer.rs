//! The network that ViT, DeiT and DINOv2 are rows of: patches of a picture as the tokens of a transformer. Dosovitskiy et al.
//! 2020, <https://arxiv.org/abs/2010.11929>.
//!
//! ```text
//! image        [b, 3, h, w]
//! 0 embeddings [b, t, c]     patch_embed cls_token dist_token reg_token pos_embed norm_pre: tokens, then h/p * w/p patches
//! 1 blocks.0   [b, t, c]     norm, attention, add; norm, two matrices, add
//! ...
//!   norm       [b, t, c]     none where the mean is normed
//!   fc_norm    [b, c]        where the mean is normed; attn_pool where a learned query pools
//! pool         [b, c]        the class token or the mean of the patches; [b, 2c] of class and distillation token
//! ```

use burn::{module::Param, prelude::*};
use rekindle_layers::{
    Backbone, Bias, Landmarks, LayerNorm, LayerNormConfig, Resample, Rule, Rules, Stage,
    resample_positions,
};

pub use config::{BASE, LARGE, Pool, Positions, SMALL, TINY, VisionTransformerConfig};

mod config;

use crate::{
    attention_pool::AttentionPool,
    encoder_block::{Block, BlockConfig},
    flow::{Patches, VisionFlow},
    patch_embed::{DEVIATION, PatchEmbed, behind_tokens, resampled, stages, tokens},
    variant::Init,
};

/// A vision transformer without its classifier.
#[derive(Module, Debug)]
pub struct VisionTransformer {
    patch_embed: PatchEmbed,
    cls_token: Option<Param<Tensor<3>>>,
    dist_token: Option<Param<Tensor<3>>>,
    reg_token: Option<Param<Tensor<3>>>,
    pos_embed: Param<Tensor<3>>,
    norm_pre: Option<LayerNorm>,
    blocks: Vec<Block>,
    norm: Option<LayerNorm>,
    fc_norm: Option<LayerNorm>,
    attn_pool: Option<AttentionPool>,
    #[module(skip)]
    config: VisionTransformerConfig,
    /// Height and width of the pictures that the table of positions is for.
    #[module(skip)]
    size: [usize; 2],
}

impl VisionTransformerConfig {
    /// Builds the network with untrained parameters.
    ///
    /// Pictures of other sizes than those that the table of positions is for get one that is resampled from it. So do all
    /// pictures of a size that is no square: a checkpoint's table is of a square.
    pub fn init(&self, init: &Init, device: &Device) -> VisionTransformer {
        let Self { embed_dim, depth, heads, patch, epsilon, activation, .. } = *self;
        let size = init.size.filter(|[height, width]| height == width).unwrap_or([self.size; 2]);
        let norm = || LayerNormConfig::new(embed_dim, epsilon).init(device);
        let hidden = (embed_dim as f64 * self.mlp_ratio) as usize;
        let drop_path = init.regularization.rate(self.drop_path);
        let block = |index: usize| BlockConfig {
            channels: embed_dim,
            heads,
            hidden,
            qkv_bias: self.qkv_bias,
            qk_norm: self.qk_norm,
            layer_scale: self.layer_scale,
            epsilon,
            activation,
            drop_path: drop_path * index as f64 / (depth - 1).max(1) as f64,
        };
        let bias = if self.pre_norm { Bias::None } else { Bias::Learned };
        let patch_embed = PatchEmbed::new([init.channels_in, embed_dim], patch, bias, device);
        let rows = self.table_tokens() + patch_embed.grid(size).iter().product::<usize>();
        VisionTransformer {
            cls_token: (self.answering() > 0).then(|| tokens(1, embed_dim, TOKEN, device)),
            dist_token: (self.answering() > 1).then(|| tokens(1, embed_dim, DEVIATION, device)),
            reg_token: (self.registers > 0)
                .then(|| tokens(self.registers, embed_dim, TOKEN, device)),
            pos_embed: tokens(rows, embed_dim, DEVIATION, device),
            patch_embed,
            norm_pre: self.pre_norm.then(norm),
            blocks: (0..depth).map(|index| block(index).init(device)).collect(),
            norm: (self.pool != Pool::NormedMean).then(norm),
            fc_norm: (self.pool == Pool::NormedMean).then(norm),
            attn_pool: (self.pool == Pool::Attention).then(|| {
                AttentionPool::new([embed_dim, hidden, heads], epsilon, activation, device)
            }),
            config: *self,
            size,
        }
    }
}

/// Standard deviation of tokens that are drawn, timm's.
const TOKEN: f64 = 1e-6;

/// How checkpoints may differ, by the number of tokens in their table of positions.
static RULES: [[Rule; 3]; 3] = [
    rules(|values, from, to| resample_positions(values, from, to, 0)),
    rules(|values, from, to| resample_positions(values, from, to, 1)),
    rules(|values, from, to| resample_positions(values, from, to, 2)),
];

const fn rules(by: Resample) -> [Rule; 3] {
    let pretraining = "only the pretraining's own task reads it";
    [
        Rule::Resampled { parameter: "pos_embed", by },
        Rule::Unused { file: "mask_token", reason: pretraining },
        Rule::Unused { file: "pre_logits", reason: pretraining },
    ]
}

impl VisionTransformer {
    fn embed(&self, images: Tensor<4>) -> Patches {
        let (patches, grid) = self.patch_embed.forward(images, Some(self.size));
        let table = self.pos_embed.val();
        let [_, rows, _] = table.dims();
        let own = self.config.table_tokens();
        let places = table.clone().narrow(1, own, rows - own);
        let patches = patches + resampled(places, self.patch_embed.grid(self.size), grid);
        let tokens: Vec<Tensor<3>> = [&self.cls_token, &self.dist_token, &self.reg_token]
            .into_iter()
            .flatten()
            .map(Param::val)
            .collect();
        let tokens = (!tokens.is_empty()).then(|| Tensor::cat(tokens, 1));
        let tokens = tokens.map(|x| if own > 0 { x + table.narrow(1, 0, own) } else { x });
        let patches = behind_tokens(patches, tokens, grid);
        match &self.norm_pre {
            Some(norm) => patches.with(|x| norm.forward(x)),
            None => patches,
        }
    }

    /// Behind the blocks.
    fn last(&self, index: usize, x: Patches) -> VisionFlow {
        let pooled = match (&self.norm, &self.fc_norm, &self.attn_pool) {
            (Some(norm), ..) if index == self.blocks.len() + 1 => {
                return VisionFlow::Patches(x.with(|x| norm.forward(x)));
            }
            (_, Some(norm), _) => norm.forward(x.mean()),
            (_, _, Some(pool)) => pool.forward(x.hidden),
            _ => panic!("there is no stage {index}"),
        };
        VisionFlow::Map(pooled.unsqueeze_dims(&[2, 3]))
    }
}

impl Backbone for VisionTransformer {
    type Input = Tensor<4>;
    type Flow = VisionFlow;

    fn stages(&self) -> Vec<Stage> {
        let VisionTransformerConfig { patch, embed_dim, .. } = self.config;
        let mut tables = vec!["patch_embed", "pos_embed"];
        tables.extend(self.cls_token.is_some().then_some("cls_token"));
        tables.extend(self.dist_token.is_some().then_some("dist_token"));
        tables.extend(self.reg_token.is_some().then_some("reg_token"));
        tables.extend(self.norm_pre.is_some().then_some("norm_pre"));
        let mut stages = stages(&tables, self.blocks.len(), [embed_dim, patch]);
        stages.extend(self.norm.is_some().then(|| Stage::map("norm", &["norm"], embed_dim, patch)));
        let vector = |name| Stage::vector(name, &[name], embed_dim);
        stages.extend(self.fc_norm.is_some().then(|| vector("fc_norm")));
        stages.extend(self.attn_pool.is_some().then(|| vector("attn_pool")));
        stages
    }

    fn depth(&self) -> usize {
        let behind = [self.norm.is_some(), self.fc_norm.is_some(), self.attn_pool.is_some()];
        1 + self.blocks.len() + behind.into_iter().filter(|there| *there).count()
    }

    fn enter(&self, images: Tensor<4>) -> VisionFlow {
        images.into()
    }

    fn stage(&self, index: usize, x: VisionFlow) -> VisionFlow {
        match (index, index.checked_sub(1).and_then(|index| self.blocks.get(index))) {
            (0, _) => VisionFlow::Patches(self.embed(x.into())),
            (_, Some(block)) => VisionFlow::Patches(x.patches().with(|x| block.forward(x))),
            (_, None) => self.last(index, x.patches()),
        }
    }

    fn pool(&self, x: VisionFlow) -> Tensor<2> {
        match x {
            VisionFlow::Patches(patches) if self.config.answering() > 0 => {
                let answers = (0..self.config.answering()).map(|index| patches.token(index));
                Tensor::cat(answers.collect(), 1)
            }
            x => x.mean(),
        }
    }

    fn embed_dim(&self) -> usize {
        self.config.embed_dim * self.config.answering().max(1)
    }

    fn further_classifiers(&self) -> &'static [&'static str] {
        if self.config.pool == Pool::Distilled { &["head_dist"] } else { &[] }
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "patch_embed.proj", classifier: "head" }
    }

    fn rules(&self) -> Rules {
        RULES[self.config.table_tokens()].as_slice().into()
    }
}
