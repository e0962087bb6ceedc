//! Pretrained models and transfer learning for Burn.
