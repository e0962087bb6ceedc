//! L-BFGS for smooth convex functions (Nocedal and Wright 2006, algorithm 7.4), with the line search of Lewis and Overton (2013).

use std::collections::VecDeque;

/// How many earlier steps the curvature is known from, as in scipy's.
const MEMORY: usize = 10;
/// Most steps: what scikit-learn's text problems need is below a hundred.
const STEPS: usize = 1000;
/// Most lengths that are tried of a step.
const TRIES: usize = 40;
/// How much of the decrease that the slope promises a step must bring.
const DECREASE: f64 = 1e-4;
/// How much of the slope may be left after a step.
const CURVATURE: f64 = 0.9;

/// A step, and how the gradient changed by it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// One over their product.
    rho: f64,
}

/// Where a convex function is least, from `x` on: until no derivative is above `tolerance`, or no step brings anything.
///
/// `function` gives the value at a point and writes the gradient there.
pub(crate) fn minimize(
    mut x: Vec<f64>,
    tolerance: f64,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Vec<f64> {
    let mut gradient = vec![0.0; x.len()];
    let mut value = function(&x, &mut gradient);
    let mut pairs: VecDeque<Pair> = VecDeque::new();
    let mut next = (vec![0.0; x.len()], vec![0.0; x.len()]);
    for _ in 0..STEPS {
        if gradient.iter().all(|derivative| derivative.abs() <= tolerance) {
            break;
        }
        let mut direction = direction(&gradient, &pairs);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            // Rounding spoiled what is known of the curvature.
            pairs.clear();
            direction = gradient.iter().map(|derivative| -derivative).collect();
            slope = -dot(&gradient, &gradient);
        }
        // Nothing is known of the scale before the first step.
        let mut length = if pairs.is_empty() { 1.0 / (-slope).sqrt() } else { 1.0 };
        let [mut low, mut high] = [0.0, f64::INFINITY];
        let mut found = None;
        for _ in 0..TRIES {
            let (at, there) = &mut next;
            at.iter_mut()
                .zip(x.iter().zip(&direction))
                .for_each(|(at, (x, d))| *at = x + length * d);
            let reached = function(at, there);
            // Not a number is no decrease.
            let enough = reached <= value + DECREASE * length * slope;
            if !enough {
                high = length;
            } else if dot(there, &direction) < CURVATURE * slope {
                low = length;
            } else {
                found = Some(reached);
                break;
            }
            length = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * low };
        }
        let Some(reached) = found else { break };
        let (at, there) = &next;
        let step: Vec<f64> = at.iter().zip(&x).map(|(at, x)| at - x).collect();
        let change: Vec<f64> = there.iter().zip(&gradient).map(|(new, old)| new - old).collect();
        let curvature = dot(&step, &change);
        if curvature > 0.0 {
            pairs.truncate(MEMORY - 1);
            pairs.push_front(Pair { step, change, rho: 1.0 / curvature });
        }
        value = reached;
        x.copy_from_slice(at);
        gradient.copy_from_slice(there);
    }
    x
}

/// Downhill, with the curvature of the last steps, the last one first: the two loops of the algorithm.
fn direction(gradient: &[f64], pairs: &VecDeque<Pair>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|derivative| -derivative).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for Pair { step, change, rho } in pairs {
        let share = rho * dot(step, &direction);
        add(&mut direction, -share, change);
        shares.push(share);
    }
    if let Some(Pair { change, rho, .. }) = pairs.front() {
        let scale = 1.0 / (rho * dot(change, change));
        direction.iter_mut().for_each(|x| *x *= scale);
    }
    for (Pair { step, change, rho }, share) in pairs.iter().zip(shares).rev() {
        let other = rho * dot(change, &direction);
        add(&mut direction, share - other, step);
    }
    direction
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn add(to: &mut [f64], times: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += times * what);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bowls of very different widths, and one whose curvature changes: `sum(w (x - c)^2) + log cosh(x0)`.
    #[test]
    fn the_least_is_found() {
        let (weights, centers) = ([1e-3, 1.0, 500.0], [3.0, -2.0, 0.25]);
        let bowl = |x: &[f64], gradient: &mut [f64]| {
            let mut value = 0.0;
            for place in 0..3 {
                let off = x[place] - centers[place];
                value += weights[place] * off * off;
                gradient[place] = 2.0 * weights[place] * off;
            }
            value
        };
        let found = minimize(vec![0.0; 3], 1e-10, bowl);
        for (found, center) in found.iter().zip(centers) {
            assert!((found - center).abs() < 1e-6, "{found} {center}");
        }
        let cosh = |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = x[0].tanh() + 2.0 * (x[0] - 1.0);
            x[0].cosh().ln() + (x[0] - 1.0).powi(2)
        };
        let found = minimize(vec![40.0], 1e-12, cosh)[0];
        assert!((found.tanh() + 2.0 * (found - 1.0)).abs() < 1e-6, "{found}");
        // Nothing to do, and nothing that is a number.
        assert_eq!(
            minimize(vec![0.0], 1.0, |_, gradient| {
                gradient[0] = 0.5;
                0.0
            }),
            [0.0]
        );
        let nothing = minimize(vec![0.0], 1e-6, |x, gradient| {
            gradient[0] = 1.0;
            if x[0] == 0.0 { 0.0 } else { f64::NAN }
        });
        assert_eq!(nothing, [0.0]);
    }
}
