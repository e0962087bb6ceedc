//! Extents that differ from run to run: how many items there are, how long they are.

/// An extent that a graph is told with its inputs: an axis of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// As runtimes show it: `batch`.
    pub(crate) name: String,
    /// Which input, and which of its axes.
    pub(crate) at: (usize, usize),
    /// What it was in each trace.
    pub(crate) seen: Vec<usize>,
}

/// An extent as a function of symbols.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Size {
    /// The same in every run.
    Fixed(i64),
    /// A product of symbols, times one number and divided by another.
    Product { symbols: Vec<usize>, times: i64, over: i64 },
    /// A symbol times a number, and another number.
    Sum { symbol: usize, times: i64, plus: i64 },
}

impl Size {
    /// The function that gives these numbers, one a trace; none where it is of another form.
    pub(crate) fn fitted(seen: &[i64], symbols: &[Symbol]) -> Option<Self> {
        let first = *seen.first()?;
        if seen.iter().all(|value| *value == first) {
            return Some(Self::Fixed(first));
        }
        let of = |symbol: usize| symbols[symbol].seen.iter().map(|&value| value as i64);
        for one in 0..symbols.len() {
            if let Some((times, over)) = ratio(seen, of(one)) {
                return Some(Self::Product { symbols: vec![one], times, over });
            }
        }
        for one in 0..symbols.len() {
            for other in one..symbols.len() {
                let product = of(one).zip(of(other)).map(|(one, other)| one * other);
                if let Some((times, over)) = ratio(seen, product) {
                    return Some(Self::Product { symbols: vec![one, other], times, over });
                }
            }
        }
        (0..symbols.len()).find_map(|symbol| {
            let (times, plus) = line(seen, &of(symbol).collect::<Vec<_>>())?;
            Some(Self::Sum { symbol, times, plus })
        })
    }
}

/// The one ratio, in least terms, of all numbers and those of another list.
fn ratio(seen: &[i64], of: impl Iterator<Item = i64> + Clone) -> Option<(i64, i64)> {
    let (value, other) = seen.iter().copied().zip(of.clone()).find(|(_, other)| *other != 0)?;
    let same = seen.iter().zip(of).all(|(seen, of)| seen * other == of * value);
    let divisor = divisor(value.abs(), other.abs()).max(1);
    (same && value != 0).then_some((value / divisor, other / divisor))
}

fn divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// The line through all points.
fn line(seen: &[i64], of: &[i64]) -> Option<(i64, i64)> {
    let place = of.iter().position(|value| *value != of[0])?;
    let (rise, run) = (seen[place] - seen[0], of[place] - of[0]);
    if rise % run != 0 {
        return None;
    }
    let (times, plus) = (rise / run, seen[0] - rise / run * of[0]);
    let fits = seen.iter().zip(of).all(|(seen, of)| *seen == times * of + plus);
    fits.then_some((times, plus))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What extents of reshapes and slices are: the batch times heads, the batch in windows, a length with a token in front.
    #[test]
    fn extents_are_found_as_functions_of_what_varies() {
        let symbol =
            |name: &str, at, seen: &[usize]| Symbol { name: name.into(), at, seen: seen.to_vec() };
        let symbols =
            [symbol("batch", (0, 0), &[2, 3, 2, 5]), symbol("length", (0, 1), &[7, 7, 11, 13])];
        let product = |symbols: &[usize], times, over| {
            Some(Size::Product { symbols: symbols.to_vec(), times, over })
        };
        for (seen, found) in [
            ([4, 4, 4, 4], Some(Size::Fixed(4))),
            ([2, 3, 2, 5], product(&[0], 1, 1)),
            ([24, 36, 24, 60], product(&[0], 12, 1)),
            ([14, 21, 22, 65], product(&[0, 1], 1, 1)),
            ([8, 8, 12, 14], Some(Size::Sum { symbol: 1, times: 1, plus: 1 })),
            ([1, 2, 4, 9], None),
        ] {
            assert_eq!(Size::fitted(&seen, &symbols), found, "{seen:?}");
        }
        assert_eq!(Size::fitted(&[1, 2], &[symbol("batch", (0, 0), &[2, 4])]), product(&[0], 1, 2));
    }
}
