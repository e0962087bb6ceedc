//! How values are spread, counted in the buckets that TensorBoard's own writers use.

/// The counts of values and what is known about all of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Histogram {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) num: f64,
    pub(super) sum: f64,
    pub(super) sum_squares: f64,
    /// The upper end of each bucket, which starts where the one before ends.
    pub(super) limits: Vec<f64>,
    pub(super) counts: Vec<f64>,
}

impl Histogram {
    /// Counts `values`, all of them finite.
    pub(super) fn of(values: &[f32]) -> Self {
        let edges = edges();
        let mut counts = vec![0_u64; edges.len() - 1];
        let mut histogram = Self::default();
        if !values.is_empty() {
            (histogram.min, histogram.max) = (f64::INFINITY, f64::NEG_INFINITY);
        }
        for &value in values {
            let value = f64::from(value);
            histogram.min = histogram.min.min(value);
            histogram.max = histogram.max.max(value);
            histogram.num += 1.0;
            histogram.sum += value;
            histogram.sum_squares += value * value;
            counts[edges.partition_point(|&edge| edge <= value) - 1] += 1;
        }
        (histogram.limits, histogram.counts) = compact(&edges, &counts);
        histogram
    }
}

/// Ends of buckets: zero and, on either side, `1e-12 * 1.1^k` below `1e20`, as in TensorFlow's
/// `histogram.cc`. No finite `f32` lies outside the outermost.
fn edges() -> Vec<f64> {
    let mut edge = 1e-12;
    let positive: Vec<f64> = std::iter::from_fn(|| {
        let this = edge;
        edge *= 1.1;
        (this < 1e20).then_some(this)
    })
    .chain([f64::MAX])
    .collect();
    let negative = positive.iter().rev().map(|edge| -edge);
    negative.chain([0.0]).chain(positive.iter().copied()).collect()
}

/// Limits and counts from the first bucket that holds something to the last.
///
/// An empty bucket comes first, for its limit is where the next one starts. Neighbors that are
/// empty become one, as in `histogram.cc`.
fn compact(edges: &[f64], counts: &[u64]) -> (Vec<f64>, Vec<f64>) {
    let full = |&count: &u64| count > 0;
    let (Some(first), Some(last)) = (counts.iter().position(full), counts.iter().rposition(full))
    else {
        return (Vec::new(), Vec::new());
    };
    let (mut limits, mut compacted) = (vec![edges[first]], vec![0.0]);
    for (&limit, &count) in edges[first + 1..].iter().zip(&counts[first..=last]) {
        if count == 0 && compacted.last() == Some(&0.0) {
            limits.pop();
            compacted.pop();
        }
        limits.push(limit);
        compacted.push(count as f64);
    }
    (limits, compacted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Limits of the full buckets by `make_histogram` of torch 2.15 with its default bins, which
    /// leaves the empty ones between as they are.
    #[test]
    fn values_are_counted_where_torch_counts_them() {
        let histogram = Histogram::of(&[-2.5, 0.0, 0.25, 0.25, 3.0]);
        let expected = Histogram {
            min: -2.5,
            max: 3.0,
            num: 5.0,
            sum: 1.0,
            sum_squares: 15.375,
            limits: vec![
                -2.617_010_996_188_459_3,
                -2.379_100_905_625_872,
                0.0,
                1e-12,
                0.241_539_642_133_566_63,
                0.265_693_606_346_923_3,
                2.878_712_095_807_305_4,
                3.166_583_305_388_036_3,
            ],
            counts: vec![0.0, 1.0, 0.0, 1.0, 0.0, 2.0, 0.0, 1.0],
        };
        assert_eq!(histogram, expected);
    }

    #[test]
    fn every_finite_value_has_its_bucket() {
        for value in [0.0, -0.0, f32::MAX, f32::MIN, 1e-45, -1e-45, 1e-12, 1e20, -1e20] {
            let histogram = Histogram::of(&[value]);
            let [low, high] = histogram.limits[..] else { panic!("{value}: {histogram:?}") };
            let exact = f64::from(value);
            assert!(low <= exact && exact < high, "{value}: {histogram:?}");
            assert_eq!(histogram.counts, [0.0, 1.0], "{value}");
            assert_eq!((histogram.min, histogram.max), (exact, exact));
        }
    }

    #[test]
    fn nothing_is_counted_as_nothing() {
        assert_eq!(Histogram::of(&[]), Histogram::default());
    }
}
