//! What a forecast of blocks is made of: what each stack adds to it, in the units of its series.

use rekindle_series::{Affine, ForecastConfig, Origin};

use crate::{Error, ForecastBackbone, Forecaster};

/// A forecast's points, told apart by what adds up to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// The value from which the network counts, such as the last one that it saw.
    pub shift: f64,
    /// What each stack adds at every step, by its name: `trend` and `season` of an interpretable N-BEATS.
    pub stacks: Vec<(String, Vec<f64>)>,
}

impl Forecaster {
    /// What the points of [`forecast`](Self::forecast) are made of, one a place: a shift and what each stack adds to it. None
    /// where the network has no blocks that add up.
    ///
    /// # Errors
    ///
    /// Those of [`forecast`](Self::forecast).
    ///
    /// # Panics
    ///
    /// As [`forecast`](Self::forecast).
    pub fn parts(
        &self,
        origins: &[Origin<'_>],
        ask: &ForecastConfig,
    ) -> Result<Option<Vec<Parts>>, Error> {
        self.check(ask)?;
        let ForecastBackbone::Blocks(blocks) = self.network().backbone() else { return Ok(None) };
        let Some(rows) = self.rows(origins)? else { return Ok(Some(Vec::new())) };
        let scales: Vec<Affine> = origins.iter().map(|origin| self.scale(origin)).collect();
        let stacks: Vec<(String, Vec<f32>)> = blocks
            .parts(self.windows(&rows, origins, &scales))
            .into_iter()
            .map(|(name, part)| (name, part.into_data().iter::<f32>().collect()))
            .collect();
        let width = self.config().network.forecast();
        let of_place = |(row, scale): (usize, Affine)| {
            let rows = stacks.iter().map(|(_, part)| &part[row * width..][..width]);
            let added = self.expected(&rows.collect::<Vec<_>>(), ask.horizon());
            let units = |values: Vec<f64>| values.iter().map(|value| value * scale.scale).collect();
            let names = stacks.iter().map(|(name, _)| name.clone());
            Parts { shift: scale.shift, stacks: names.zip(added.into_iter().map(units)).collect() }
        };
        Ok(Some(scales.into_iter().enumerate().map(of_place).collect()))
    }

    /// Of the numbers that stacks add to each step those which the expected one is the sum of.
    fn expected(&self, stacks: &[&[f32]], horizon: usize) -> Vec<Vec<f64>> {
        let task = &self.config().task;
        let (per_step, middle) = (task.per_step(), task.middle());
        let mut added = vec![Vec::with_capacity(horizon); stacks.len()];
        for step in 0..horizon {
            let numbers = step * per_step..(step + 1) * per_step;
            let sum = |at: &usize| stacks.iter().map(|stack| f64::from(stack[*at])).sum::<f64>();
            // Quantiles are sorted after they were added up.
            let mut sorted: Vec<usize> = numbers.collect();
            sorted.sort_by(|one, other| sum(one).total_cmp(&sum(other)));
            for (added, stack) in added.iter_mut().zip(stacks) {
                added.push(f64::from(stack[sorted[middle]]));
            }
        }
        added
    }
}
