//! Pretrained vision architectures, one file per family.
