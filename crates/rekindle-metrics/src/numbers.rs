//! Errors of predicted numbers.

use crate::Values;

/// Predictions and what was right, several numbers an example.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    outputs: usize,
    predicted: Vec<f32>,
    right: Vec<f32>,
}

/// scikit-learn divides by no less in `mean_absolute_percentage_error`.
const LEAST: f64 = f64::EPSILON;

impl Pairs {
    /// None yet, of so many numbers an example.
    pub fn new(outputs: usize) -> Self {
        Self { outputs: outputs.max(1), predicted: Vec::new(), right: Vec::new() }
    }

    /// Adds examples row by row.
    ///
    /// # Panics
    ///
    /// If there are not as many of both, or not whole rows.
    pub fn add(&mut self, predicted: &[f32], right: &[f32]) {
        assert_eq!(predicted.len(), right.len(), "predictions and targets of different numbers");
        assert!(predicted.len().is_multiple_of(self.outputs), "not whole rows");
        self.predicted.extend_from_slice(predicted);
        self.right.extend_from_slice(right);
    }

    /// `loss` (the mean squared error), `mae`, `rmse`, `mape` and `r2`, as scikit-learn defines them.
    ///
    /// R2 is the mean over outputs; an output whose target never changes counts 1 if it is met, else 0.
    pub fn values(&self) -> Values {
        let count = self.right.len().max(1) as f64;
        let pairs = || {
            let both = self.predicted.iter().zip(&self.right);
            both.map(|(&predicted, &right)| (f64::from(predicted), f64::from(right)))
        };
        let mean = |of: &dyn Fn((f64, f64)) -> f64| pairs().map(of).sum::<f64>() / count;
        let square = mean(&|(predicted, right)| (predicted - right).powi(2));
        let r2 = (0..self.outputs).map(|output| self.r2(output)).sum::<f64>() / self.outputs as f64;
        let mut values = Values::default();
        values.set("loss", square);
        values.set("mae", mean(&|(predicted, right)| (predicted - right).abs()));
        values.set("rmse", square.sqrt());
        values.set(
            "mape",
            mean(&|(predicted, right)| (predicted - right).abs() / right.abs().max(LEAST)),
        );
        values.set("r2", r2);
        values
    }

    fn r2(&self, output: usize) -> f64 {
        let column = |values: &[f32]| -> Vec<f64> {
            values
                .iter()
                .skip(output)
                .step_by(self.outputs)
                .map(|&value| f64::from(value))
                .collect()
        };
        let (predicted, right) = (column(&self.predicted), column(&self.right));
        let mean = right.iter().sum::<f64>() / right.len().max(1) as f64;
        let left: f64 = predicted.iter().zip(&right).map(|(p, r)| (p - r).powi(2)).sum();
        let all: f64 = right.iter().map(|r| (r - mean).powi(2)).sum();
        match (left == 0.0, all == 0.0) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => 1.0 - left / all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sklearn.metrics` on `[[3, -0.5], [2, 7], [0.5, 7]]` against `[[2.5, 0], [2, 8], [1, 7]]`.
    #[test]
    fn errors_are_scikit_learns() {
        let mut pairs = Pairs::new(2);
        pairs.add(&[2.5, 0.0, 2.0, 8.0], &[3.0, -0.5, 2.0, 7.0]);
        pairs.add(&[1.0, 7.0], &[0.5, 7.0]);
        let values = pairs.values();
        for (name, expected) in EXPECTED {
            let found = values.get(name).unwrap();
            assert!((found - expected).abs() < 1e-9, "{name}: {found} against {expected}");
        }
        let mut constant = Pairs::new(1);
        constant.add(&[1.0, 2.0], &[1.0, 1.0]);
        assert_eq!(constant.values().get("r2"), Some(0.0));
    }

    const EXPECTED: [(&str, f64); 5] = [
        ("loss", 0.291_666_666_666_666_7),
        ("mae", 0.416_666_666_666_666_6),
        ("rmse", 0.540_061_724_867_321_7),
        ("mape", 0.384_920_634_920_634_9),
        ("r2", 0.904_385_964_912_280_7),
    ];
}
