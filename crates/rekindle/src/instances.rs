//! What is generic over inputs and tasks, compiled here once.
//!
//! A generic function is compiled by whoever calls it: the binary, and every test and example anew. What a library that is
//! optimised little has compiled already is taken from it instead, which saves this workspace a minute and a half of every
//! build. Others, who would compile nine engines and use one, are spared it: `build.rs` knows whom.

use std::hint::black_box;

use rekindle_train::{Classify, ClassifyMultiLabel, Regress};

use crate::{
    Exhibit, Learned, ModelOf, Pictures, Several, ShownTask, Texts, evaluate, find_rate, finetune,
    measure, probe, write_report,
};

/// For nobody to call: that it is there has everything compiled that it names.
#[doc(hidden)]
pub fn instances() {
    of::<Pictures>();
    of::<Texts>();
    of::<Several>();
}

fn of<M: Exhibit>() {
    black_box(ModelOf::<M>::open_file as *const ());
    #[cfg(feature = "net")]
    black_box(ModelOf::<M>::pretrained as *const ());
    black_box(ModelOf::<M>::save as *const ());
    learned::<M, usize>();
    learned::<M, Vec<usize>>();
    learned::<M, Vec<f32>>();
    task::<M, Classify>();
    task::<M, ClassifyMultiLabel>();
    task::<M, Regress>();
}

fn learned<M: Exhibit, L: Learned>() {
    black_box(evaluate::<L, M> as *const ());
    black_box(ModelOf::<M>::finetune::<L> as *const ());
}

fn task<M: Exhibit, T: ShownTask>() {
    black_box(ModelOf::<M>::for_items::<T> as *const ());
    black_box(find_rate::<M, T> as *const ());
    black_box(finetune::<M, T> as *const ());
    black_box(measure::<M, T> as *const ());
    black_box(probe::<M, T> as *const ());
    black_box(write_report::<M, T> as *const ());
}
