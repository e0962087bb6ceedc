//! What blocks say forecasts and windows in: polynomials, sines and cosines, lines between points.
//!
//! Each is a matrix `[functions, window + horizon x outputs]`, whose first functions are those of the window; those of a
//! number of the forecast follow, then those of the next.

use std::f64::consts::TAU;

/// Functions of steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Basis {
    values: Vec<f32>,
    steps: usize,
}

impl Basis {
    /// Powers of the time from 0 up to `degree`, which goes from 0 to 1 in the window and in the horizon.
    pub(crate) fn trend(degree: usize, [input, horizon]: [usize; 2], outputs: usize) -> Self {
        let powers = |steps: usize| -> Vec<Vec<f64>> {
            let power =
                |power: usize| (0..steps).map(move |step| time(step, steps).powi(power as i32));
            (0..=degree).map(|degree| power(degree).collect()).collect()
        };
        Self::of(&powers(input), &powers(horizon), outputs)
    }

    /// Sines and cosines of 0, 1, 2 .. `horizon / 2 - 1` periods in the horizon, and of as many in the window.
    pub(crate) fn season([input, horizon]: [usize; 2], outputs: usize) -> Self {
        let periods = (horizon / 2).max(2);
        let waves = |steps: usize| -> Vec<Vec<f64>> {
            let wave = |of: fn(f64) -> f64, from: usize| {
                (from..periods).map(move |period| {
                    (0..steps).map(|step| of(TAU * period as f64 * time(step, steps))).collect()
                })
            };
            // A sine of no period is nothing.
            wave(f64::cos, 0).chain(wave(f64::sin, 1)).collect()
        };
        Self::of(&waves(input), &waves(horizon), outputs)
    }

    /// Lines between points that are as far from each other; of the window each step by itself.
    pub(crate) fn lines(points: usize, [input, horizon]: [usize; 2], outputs: usize) -> Self {
        let itself: Vec<Vec<f64>> = (0..input)
            .map(|at| (0..input).map(|step| f64::from(u8::from(at == step))).collect())
            .collect();
        let near = |point: usize, step: usize| {
            // As images are resized: pixels have their middles in the middle of what they stand for.
            let at = (step as f64 + 0.5) * points as f64 / horizon as f64 - 0.5;
            let at = at.clamp(0.0, points as f64 - 1.0);
            (1.0 - (at - point as f64).abs()).max(0.0)
        };
        let lines: Vec<Vec<f64>> =
            (0..points).map(|point| (0..horizon).map(|step| near(point, step)).collect()).collect();
        Self::of(&itself, &lines, outputs)
    }

    fn of(window: &[Vec<f64>], horizon: &[Vec<f64>], outputs: usize) -> Self {
        let (input, ahead) = (window[0].len(), horizon[0].len());
        let steps = input + ahead * outputs;
        let mut values = Vec::with_capacity((window.len() + horizon.len() * outputs) * steps);
        for function in window {
            values.extend(function.iter().map(|value| *value as f32));
            values.resize(values.len() + ahead * outputs, 0.0);
        }
        for output in 0..outputs {
            for function in horizon {
                let first = values.len();
                values.resize(first + steps, 0.0);
                let row = &mut values[first + input..];
                for (step, value) in function.iter().enumerate() {
                    row[step * outputs + output] = *value as f32;
                }
            }
        }
        Self { values, steps }
    }

    /// How many there are.
    pub(crate) fn functions(&self) -> usize {
        self.values.len() / self.steps
    }

    /// Numbers of a window and its forecast.
    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// `[functions, steps]`, row by row.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }
}

fn time(step: usize, steps: usize) -> f64 {
    step as f64 / steps as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(basis: &Basis, row: usize) -> &[f32] {
        &basis.values()[row * basis.steps()..][..basis.steps()]
    }

    #[test]
    fn each_function_is_of_the_window_or_of_one_number_ahead() {
        let basis = Basis::trend(2, [4, 2], 2);
        assert_eq!((basis.functions(), basis.steps()), (3 + 3 * 2, 4 + 2 * 2));
        assert_eq!(row(&basis, 1), [0.0, 0.25, 0.5, 0.75, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(row(&basis, 2), [0.0, 0.0625, 0.25, 0.5625, 0.0, 0.0, 0.0, 0.0]);
        // A constant of the first number, the time of the second.
        assert_eq!(row(&basis, 3), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(row(&basis, 7), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5]);
        let season = Basis::season([3, 8], 1);
        assert_eq!((season.functions(), season.steps()), (2 * 7, 11));
        assert_eq!(row(&season, 7)[3..], [1.0; 8]);
    }

    #[test]
    fn lines_go_through_their_points() {
        let basis = Basis::lines(2, [1, 8], 1);
        assert_eq!((basis.functions(), basis.steps()), (3, 9));
        assert_eq!(row(&basis, 0), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let first = [1.0, 1.0, 0.875, 0.625, 0.375, 0.125, 0.0, 0.0];
        assert_eq!(row(&basis, 1)[1..], first);
        let second: Vec<f32> = first.iter().rev().copied().collect();
        assert_eq!(row(&basis, 2)[1..], second);
    }
}
