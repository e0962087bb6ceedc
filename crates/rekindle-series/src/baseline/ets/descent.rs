//! The least value of a smooth function of a few numbers, by its gradient. Nocedal & Wright, "Numerical optimization", 2006,
//! algorithm 6.1 (BFGS), with steps that are shortened until they go down (section 3.5).

/// Most steps, and how often one is shortened at most.
const STEPS: usize = 60;
const SHORTENED: usize = 20;
/// A step that goes down by less than this is the last: of a criterion like AICc, no choice depends on less.
const TOLERANCE: f64 = 0.005;
/// The share of its slope that a step is to go down by.
const DESCENT: f64 = 1e-4;
/// How far the first step, and any, may go in a number.
const FIRST: f64 = 0.5;
const LONGEST: f64 = 4.0;

/// A value, and its gradient.
pub(super) type Slope<const N: usize> = (f64, [f64; N]);

/// Goes down from a point: the lowest that was found, and the value there.
pub(super) fn descend<const N: usize>(
    start: [f64; N],
    mut of: impl FnMut(&[f64; N]) -> Slope<N>,
) -> ([f64; N], f64) {
    let mut at = start;
    let (mut value, mut gradient) = of(&at);
    let mut inverse: Option<Inverse<N>> = None;
    for _ in 0..STEPS {
        let direction = match &inverse {
            Some(inverse) => inverse.direction(&gradient),
            None => gradient.map(|slope| -slope),
        };
        let slope = product(&direction, &gradient);
        let greatest = direction.iter().fold(0.0_f64, |most, it| most.max(it.abs()));
        // Neither where nothing goes down nor where there is no value.
        if !(slope < 0.0 && value.is_finite()) {
            break;
        }
        let most = if inverse.is_some() { LONGEST } else { FIRST };
        let first = if inverse.is_some() { 1.0_f64.min(most / greatest) } else { most / greatest };
        let Some((next, found)) = lower(&at, &direction, (value, slope), first, &mut of) else {
            break;
        };
        let step: [f64; N] = std::array::from_fn(|place| next[place] - at[place]);
        let change: [f64; N] = std::array::from_fn(|place| found.1[place] - gradient[place]);
        let curvature = product(&step, &change);
        if curvature > 0.0 {
            let scale = curvature / product(&change, &change);
            inverse.get_or_insert_with(|| Inverse::of(scale)).learn(&step, &change, curvature);
        }
        let gained = value - found.0;
        (at, value, gradient) = (next, found.0, found.1);
        if gained < TOLERANCE {
            break;
        }
    }
    (at, value)
}

/// The first point in a direction that is low enough, and what is there.
fn lower<const N: usize>(
    at: &[f64; N],
    direction: &[f64; N],
    (value, slope): (f64, f64),
    mut length: f64,
    of: &mut impl FnMut(&[f64; N]) -> Slope<N>,
) -> Option<([f64; N], Slope<N>)> {
    for _ in 0..SHORTENED {
        let next = std::array::from_fn(|place| at[place] + length * direction[place]);
        let found = of(&next);
        if found.0 <= value + DESCENT * length * slope {
            return Some((next, found));
        }
        // The lowest point of the parabola through what is known, within bounds.
        let best = slope * length * length / (2.0 * (value + slope * length - found.0));
        let [least, most] = [0.1 * length, 0.5 * length];
        length = if found.0.is_finite() { best.clamp(least, most) } else { least };
    }
    None
}

/// What steps have told of the inverse of the second derivatives.
struct Inverse<const N: usize>([[f64; N]; N]);

impl<const N: usize> Inverse<N> {
    fn of(scale: f64) -> Self {
        Self(std::array::from_fn(|row| {
            std::array::from_fn(|column| if row == column { scale } else { 0.0 })
        }))
    }

    fn direction(&self, gradient: &[f64; N]) -> [f64; N] {
        std::array::from_fn(|row| -product(&self.0[row], gradient))
    }

    /// Learns of a step and how the gradient changed by it; `curvature` is the product of both.
    fn learn(&mut self, step: &[f64; N], change: &[f64; N], curvature: f64) {
        let turned: [f64; N] = std::array::from_fn(|row| product(&self.0[row], change));
        let weight = 1.0 + product(&turned, change) / curvature;
        for row in 0..N {
            for column in 0..N {
                let both = turned[row] * step[column] + step[row] * turned[column];
                self.0[row][column] += (weight * step[row] * step[column] - both) / curvature;
            }
        }
    }
}

fn product<const N: usize>(one: &[f64; N], other: &[f64; N]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_value_is_found() {
        // Rosenbrock's valley, and a number that nothing depends on.
        let valley = |x: &[f64; 3]| {
            let (bend, side) = (x[1] - x[0] * x[0], 1.0 - x[0]);
            let value = 1e4 * bend * bend + 100.0 * side * side + 1.0;
            (value, [-4e4 * x[0] * bend - 200.0 * side, 2e4 * bend, 0.0])
        };
        let (at, value) = descend([-1.0, 1.0, 7.0], valley);
        assert!((value - 1.0).abs() < 0.02 && (at[0] - 1.0).abs() < 0.02, "{at:?}: {value}");
        assert_eq!(at[2], 7.0);
        // What is out of bounds is never chosen.
        let bound = |x: &[f64; 1]| {
            if x[0] < 0.5 { (f64::INFINITY, [f64::NAN]) } else { (x[0] * x[0], [2.0 * x[0]]) }
        };
        let (at, value) = descend([2.0], bound);
        assert!((0.5..0.51).contains(&at[0]), "{at:?}: {value}");
        assert_eq!(descend([0.0], bound).1, f64::INFINITY);
    }
}
