//! Networks of Burn as [ONNX](https://onnx.ai), by tracing them: whatever a network is made of, Burn records the operations that
//! it runs, and each kind of operation is written as nodes in one place. No architecture has an exporter of its own.
//!
//! ```no_run
//! # use burn::prelude::*;
//! # fn network(x: Tensor<4>) -> Tensor<2> { x.flatten(1, 3) }
//! # let device = Device::flex();
//! let pictures = |count| Tensor::<4>::zeros([count, 3, 224, 224], &device);
//! // What differs between the examples, differs from run to run.
//! let examples = [2, 3, 5].map(pictures);
//! // A network with parameters is moved to the device that records.
//! let onnx = rekindle_onnx::export(&examples, &["logits"], |x, _| vec![network(x)])?;
//! onnx.with("license", "MIT").write("network.onnx".as_ref())?;
//! # Ok::<(), rekindle_onnx::Error>(())
//! ```
//!
//! | a trace has | and a graph |
//! |---|---|
//! | the same number in all examples | that number |
//! | an extent that differs, such as the batch's | a function of the inputs' extents: a product of them, or a line |
//! | operations on parameters alone | their result: norms are part of convolutions, branches one convolution |
//! | a constant that grows with an extent, such as places | the front of the one of the largest example |
//! | other steps for other extents, as recurrent layers have over time | nothing: that is an error, and the extent has to be fixed |

mod check;
mod constant;
mod error;
mod graph;
mod int8;
mod lower;
mod model;
mod pictures;
mod proto;
#[cfg(feature = "run")]
mod run;
mod simplify;
mod size;
mod trace;

pub use check::{Check, Recorded, TOLERANCE, check_path, read_check, write_check};
pub use error::Error;
pub use int8::Range;
pub use model::Onnx;
pub use pictures::{Filter, Fit, PictureInput};
#[cfg(feature = "run")]
pub use run::{Runtime, Verified, verify};
pub use trace::{Feed, Named};

use burn::prelude::*;

/// Writes what `run` computes of an input as a graph, its outputs under these names. `run` gets each example on a device that
/// records, and that device, to which parameters have to be moved.
///
/// Axes that differ between examples are free in the graph, all others fixed. Two examples would do for one such axis; with a
/// third the functions that are found of them are checked.
///
/// # Errors
///
/// If Burn cannot record it, if the steps depend on more than the inputs' extents, or if ONNX is not written for one of them.
pub fn export<I: Feed>(
    examples: &[I],
    outputs: &[&str],
    run: impl Fn(I, &Device) -> Vec<Tensor<2>>,
) -> Result<Onnx, Error> {
    let trace = trace::Trace::of(examples, outputs, run)?;
    Ok(Onnx::of(simplify::simplified(lower::lowered(trace)?)))
}
