//! The least value of a function of a few numbers, without derivatives. Nelder & Mead, "A simplex method for function
//! minimization", 1965.

/// Most evaluations for each number.
const EVALUATIONS: usize = 100;
/// Corners that are this close in value are one: of a criterion like AICc, no choice depends on less.
const TOLERANCE: f64 = 0.005;

/// A corner: its numbers, and what the function is there.
type Corner = (Vec<f64>, f64);

/// Searches from numbers with the first step of each.
pub(super) fn minimize(start: Vec<(f64, f64)>, mut of: impl FnMut(&[f64]) -> f64) -> Corner {
    let numbers = start.len();
    let first: Vec<f64> = start.iter().map(|(number, _)| *number).collect();
    let mut corners: Vec<Corner> = Vec::with_capacity(numbers + 1);
    corners.push((first.clone(), of(&first)));
    for (place, (_, step)) in start.iter().enumerate() {
        let mut corner = first.clone();
        corner[place] += step;
        let value = of(&corner);
        corners.push((corner, value));
    }
    let mut evaluations = numbers + 1;
    let mut center = vec![0.0; numbers];
    while evaluations < EVALUATIONS * numbers {
        corners.sort_by(|one, other| one.1.total_cmp(&other.1));
        let (best, worst) = (corners[0].1, corners[numbers].1);
        if worst - best <= TOLERANCE {
            break;
        }
        center.fill(0.0);
        for (corner, _) in &corners[..numbers] {
            center.iter_mut().zip(corner).for_each(|(sum, it)| *sum += it / numbers as f64);
        }
        let mut at = |by: f64| {
            let pairs = center.iter().zip(&corners[numbers].0);
            let point: Vec<f64> =
                pairs.map(|(center, worst)| center + by * (center - worst)).collect();
            let value = of(&point);
            (point, value)
        };
        let reflected = at(1.0);
        evaluations += 1;
        let second = corners[numbers - 1].1;
        let found = if reflected.1 < best {
            evaluations += 1;
            let further = at(2.0);
            Some(if further.1 < reflected.1 { further } else { reflected })
        } else if reflected.1 < second {
            Some(reflected)
        } else {
            evaluations += 1;
            let nearer = at(if reflected.1 < worst { 0.5 } else { -0.5 });
            (nearer.1 < reflected.1.min(worst)).then_some(nearer)
        };
        if let Some(found) = found {
            corners[numbers] = found;
            continue;
        }
        let (best, others) = corners.split_at_mut(1);
        for (corner, value) in others {
            corner
                .iter_mut()
                .zip(&best[0].0)
                .for_each(|(it, best)| *it = f64::midpoint(*it, *best));
            *value = of(corner);
        }
        evaluations += numbers;
    }
    corners.sort_by(|one, other| one.1.total_cmp(&other.1));
    corners.swap_remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_value_is_found() {
        let valley =
            |at: &[f64]| 1e3 * (1.0 - at[0]).powi(2) + 5e3 * (at[1] - at[0] * at[0]).powi(2) + 1.0;
        let (at, value) = minimize(vec![(-1.0, 0.5), (1.0, 0.5)], valley);
        assert!((value - 1.0).abs() < 0.02 && (at[0] - 1.0).abs() < 0.02, "{at:?}: {value}");
        // What is out of bounds is never chosen.
        let bound = |at: &[f64]| if at[0] < 0.5 { f64::INFINITY } else { 100.0 * at[0] };
        assert!((minimize(vec![(2.0, 1.0)], bound).1 - 50.0).abs() < 0.1);
    }
}
