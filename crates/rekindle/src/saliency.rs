//! Which words of a text spoke for an answer: the gradient of its output by each token's vector, times that vector.
//! Denil et al. 2014, <https://arxiv.org/abs/1412.6815>.

use rekindle_layers::{Backbone as _, Input as _, TextFlow};
use rekindle_report::{ExampleRecord, WordRecord};
use rekindle_text::Text;

use crate::{Error, Modality as _, TextModel, Texts, gallery::Exhibit};

impl Exhibit for Texts {
    fn shown(model: &TextModel, item: &Text, output: usize) -> Result<ExampleRecord, Error> {
        Ok(ExampleRecord { words: model.saliency(item, output)?, ..ExampleRecord::default() })
    }
}

impl TextModel {
    /// The text in pieces, with how much each spoke for (or against, below zero) the output with this number, in `[-1, 1]`.
    ///
    /// What is behind the last token that the network reads, and what is between words, has no weight.
    ///
    /// # Errors
    ///
    /// If the text cannot be cut into tokens.
    ///
    /// # Panics
    ///
    /// If there is no such output.
    pub fn saliency(&self, text: &Text, output: usize) -> Result<Vec<WordRecord>, Error> {
        let predictor = self.predictor()?;
        let Some(tokens) = predictor.inputs(std::iter::once(text.clone()))? else {
            return Err(Error::NoItem);
        };
        // Parameters need no gradients: only the vectors do.
        let network = predictor.network();
        let mut sequence = network.prefix(1, tokens).tracked().sequence();
        sequence.hidden = sequence.hidden.require_grad();
        let hidden = sequence.hidden.clone();
        // Frozen stages of the network would be run outside of the graph.
        let backbone = network.backbone();
        let flow = (1..backbone.depth())
            .fold(TextFlow::Sequence(sequence), |x, stage| backbone.stage(stage, x));
        let logits = network.classify(network.pool(flow));
        let gradients = logits.narrow(1, output, 1).sum().backward();
        let weights: Vec<f32> = match hidden.grad(&gradients) {
            Some(slope) => (slope * hidden.inner()).sum_dim(2).into_data().iter::<f32>().collect(),
            None => Vec::new(),
        };
        let places = self.modality().prepare(self.config(), &())?.places(text)?;
        let parts: Vec<&str> = [Some(&text.text), text.pair.as_ref()]
            .into_iter()
            .flatten()
            .map(|part| &**part)
            .collect();
        let mut words = Vec::new();
        for (number, part) in parts.into_iter().enumerate() {
            if number > 0 {
                words.push(WordRecord { text: " | ".to_owned(), weight: 0.0 });
            }
            let of_part = places.iter().zip(&weights).filter_map(|(place, weight)| {
                let (of, range) = place.as_ref()?;
                (*of == number).then(|| (range.clone(), f64::from(*weight)))
            });
            words.extend(pieces(part, of_part.collect()));
        }
        let strongest = words.iter().map(|word| word.weight.abs()).fold(0.0, f64::max);
        if strongest > 0.0 {
            words.iter_mut().for_each(|word| word.weight /= strongest);
        }
        Ok(words)
    }
}

/// A text in pieces: tokens that touch are a word, whose weight is their sum.
fn pieces(text: &str, tokens: Vec<(std::ops::Range<usize>, f64)>) -> Vec<WordRecord> {
    let mut words: Vec<(std::ops::Range<usize>, f64)> = Vec::new();
    for (range, weight) in tokens.into_iter().filter(|(range, _)| !range.is_empty()) {
        match words.last_mut() {
            // Byte-level tokens begin with the space before a word.
            Some((last, sum))
                if last.end >= range.start
                    && !text
                        .get(range.clone())
                        .is_some_and(|it| it.starts_with(char::is_whitespace)) =>
            {
                (last.end, *sum) = (last.end.max(range.end), *sum + weight);
            }
            _ => words.push((range, weight)),
        }
    }
    let mut found = Vec::new();
    let mut push = |range: std::ops::Range<usize>, weight: f64| {
        if let Some(text) = text.get(range).filter(|text| !text.is_empty()) {
            found.push(WordRecord { text: text.to_owned(), weight });
        }
    };
    let mut end = 0;
    for (range, weight) in words {
        push(end..range.start, 0.0);
        end = range.end.max(end);
        push(range, weight);
    }
    push(end..text.len(), 0.0);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_touch_are_a_word_and_all_of_the_text_is_there() {
        for (text, tokens, expected) in [
            (
                "fires rage!",
                vec![(0..4, 0.5), (4..5, 0.25), (6..10, -1.0), (10..11, 0.0)],
                vec![("fires", 0.75), (" ", 0.0), ("rage!", -1.0)],
            ),
            ("a b", vec![(0..1, 1.0), (1..3, 2.0)], vec![("a", 1.0), (" b", 2.0)]),
            ("cut off", vec![(0..3, 1.0)], vec![("cut", 1.0), (" off", 0.0)]),
            ("", vec![], vec![]),
            ("none", vec![], vec![("none", 0.0)]),
        ] {
            let found: Vec<(String, f64)> =
                pieces(text, tokens).into_iter().map(|word| (word.text, word.weight)).collect();
            let expected: Vec<(String, f64)> =
                expected.into_iter().map(|(text, weight)| (text.to_owned(), weight)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
