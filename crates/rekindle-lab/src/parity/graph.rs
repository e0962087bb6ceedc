//! The networks of golden files as ONNX, and what they must compute.

use burn::{module::Module, prelude::*, tensor::TensorData};
use rekindle_layers::Tokens;
use rekindle_onnx::{Check, Feed, Onnx, Recorded, TOLERANCE, export};
use rekindle_transfer::Classifier;

use super::{
    check,
    error::Error,
    fill::uniform,
    golden::{Golden, Reference, TextGolden},
    sequences,
};

/// What graphs give.
const OUTPUTS: [&str; 2] = ["embeddings", "logits"];
/// Sizes of batches that are traced.
const BATCHES: [usize; 3] = [2, 3, 5];
/// Batches and lengths of texts that are traced.
const TEXTS: [[usize; 2]; 4] = [[2, 7], [3, 7], [2, 11], [5, 16]];

/// The graph of a golden file's network, and batches with what the network makes of them; nothing of a layer by itself.
///
/// # Errors
///
/// If there is none of its name, the filled weights do not fit it, or it cannot be written as a graph.
pub fn graph(reference: &Reference) -> Result<Option<(Onnx, Check)>, Error> {
    match reference {
        Reference::Picture(golden) => of_pictures(golden).map(Some),
        Reference::Text(golden) => of_texts(golden).map(Some),
        Reference::Layer(_) => Ok(None),
    }
}

fn of_pictures(golden: &Golden) -> Result<(Onnx, Check), Error> {
    let [_, channels, height, width] = golden.input_shape;
    let pictures = |batch: usize| {
        let shape = [batch, channels, height, width];
        let values = uniform("pictures", shape.iter().product());
        Tensor::<4>::from_data(TensorData::new(values, shape), &Device::flex())
    };
    traced(&check::network(golden)?, &BATCHES.map(pictures))
}

fn of_texts(golden: &TextGolden) -> Result<(Onnx, Check), Error> {
    let network = sequences::network(golden)?;
    let sized = |batch, length| TextGolden { batch, length, shorter: 1, ..golden.clone() };
    let texts =
        |[batch, length]: [usize; 2]| sequences::tokens(&sized(batch, length), &Device::flex());
    let free = TEXTS.map(texts).into_iter().collect::<Result<Vec<Tokens>, Error>>()?;
    match traced(&network, &free) {
        // As many steps as tokens.
        Err(Error::Graph(rekindle_onnx::Error::OtherSteps { .. })) => {
            let fixed = BATCHES.map(|batch| texts([batch, 11]));
            traced(&network, &fixed.into_iter().collect::<Result<Vec<Tokens>, Error>>()?)
        }
        traced => traced,
    }
}

fn traced<B>(network: &Classifier<B>, examples: &[B::Input]) -> Result<(Onnx, Check), Error>
where
    B: rekindle_layers::Backbone<Input: Feed>,
{
    let run = |network: &Classifier<B>, input: B::Input| {
        let embeddings = network.embed(input);
        vec![embeddings.clone(), network.classify(embeddings)]
    };
    let onnx =
        export(examples, &OUTPUTS, |input, device| run(&network.valid().to_device(device), input))?;
    let recorded = examples
        .iter()
        .map(|input| Recorded::of(input.clone(), &OUTPUTS, |input| run(network, input)));
    Ok((onnx, Check { batches: recorded.collect(), tolerance: TOLERANCE }))
}
