//! What was answered where examples have any number of labels, and what was right.

use serde::{Deserialize, Serialize};

use crate::{
    Estimate, PerClass, Values, bootstrap, predictions::mean, share_interval, values::nullable,
};

/// Logits of examples, a row each, and all labels of each.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiLabelPredictions {
    classes: usize,
    logits: Vec<f32>,
    /// Whether each example has each label, rows as those of the logits.
    right: Vec<bool>,
}

impl MultiLabelPredictions {
    /// None yet, of so many classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, logits: Vec::new(), right: Vec::new() }
    }

    /// Adds examples: their logits row by row, and the labels of each.
    ///
    /// # Panics
    ///
    /// If there is not a row for each example, or a label is beyond the classes.
    pub fn add(&mut self, logits: &[f32], labels: &[Vec<usize>]) {
        assert_eq!(logits.len(), labels.len() * self.classes, "logits are not a row an example");
        self.logits.extend_from_slice(logits);
        for labels in labels {
            let start = self.right.len();
            self.right.resize(start + self.classes, false);
            labels.iter().for_each(|&label| self.right[start..][label] = true);
        }
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.logits.len() / self.classes.max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.logits.is_empty()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The logits of each example.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.logits.chunks_exact(self.classes.max(1))
    }

    /// Places of the examples with a label that is missed or wrongly given at these thresholds, the highest loss first.
    ///
    /// # Panics
    ///
    /// If there is not a threshold a label.
    pub fn most_wrong(&self, thresholds: &[f64]) -> Vec<usize> {
        assert_eq!(thresholds.len(), self.classes, "thresholds are not one a label");
        let right = self.right.chunks_exact(self.classes.max(1));
        let loss = |(logits, right): (&[f32], &[bool])| -> f64 {
            logits.iter().zip(right).map(|(logit, right)| cross_entropy(*logit, *right)).sum()
        };
        let losses: Vec<f64> = self.rows().zip(right).map(loss).collect();
        let exact = self.exact(thresholds);
        let mut places: Vec<usize> = (0..losses.len()).filter(|&place| !exact[place]).collect();
        places.sort_by(|&one, &other| losses[other].total_cmp(&losses[one]));
        places
    }

    /// What is measured after every epoch, a label being given where it is likelier than not.
    pub fn values(&self) -> Values {
        self.values_at(&vec![EVEN; self.classes])
    }

    /// What is measured where a label is given above its threshold, a probability.
    ///
    /// `loss` is the binary cross-entropy in nats, over examples and labels; `map` the mean of
    /// [average precisions](Self::average_precision); `precision`, `recall` and `f1` count all answers together
    /// (micro); `f1_macro` is the mean over the labels that occur; `exact` the share of examples with every label
    /// right and no other.
    ///
    /// # Panics
    ///
    /// If there is not a threshold a label.
    pub fn values_at(&self, thresholds: &[f64]) -> Values {
        let counts = self.all_counts(thresholds);
        let all = counts.iter().fold(Counts::default(), |sum, of| sum.and(*of));
        let occurring = counts.iter().filter(|counts| counts.has > 0);
        let precisions = (0..self.classes).filter_map(|class| self.average_precision(class));
        let precisions: Vec<f64> = precisions.collect();
        let map = if precisions.is_empty() { f64::NAN } else { mean(precisions.into_iter()) };
        let exact = self.exact(thresholds).into_iter().map(|exact| f64::from(u8::from(exact)));
        let mut values = Values::default();
        values.set("loss", self.loss());
        values.set("map", map);
        values.set("precision", all.precision());
        values.set("recall", all.recall());
        values.set("f1", all.f1());
        values.set("f1_macro", mean(occurring.map(Counts::f1)));
        values.set("exact", mean(exact));
        values
    }

    fn loss(&self) -> f64 {
        let loss = |(logit, right): (&f32, &bool)| cross_entropy(*logit, *right);
        mean(self.logits.iter().zip(&self.right).map(loss))
    }

    /// Whether each example is given all of its labels and no other.
    fn exact(&self, thresholds: &[f64]) -> Vec<bool> {
        let width = self.classes.max(1);
        let rows = self.logits.chunks_exact(width).zip(self.right.chunks_exact(width));
        let same = |(logits, right): (&[f32], &[bool])| {
            let said =
                logits.iter().zip(thresholds).map(|(logit, threshold)| given(*logit, *threshold));
            said.eq(right.iter().copied())
        };
        rows.map(same).collect()
    }

    /// The precision at every recall, averaged, of one class; scikit-learn's `average_precision_score`. None for a class that
    /// no example has.
    ///
    /// # Panics
    ///
    /// If there is no such class.
    pub fn average_precision(&self, class: usize) -> Option<f64> {
        let steps = self.steps(class);
        let has = steps.first()?.1.has;
        let (mut before, mut area) = (0, 0.0);
        for (_, counts) in steps {
            area += share(counts.both - before, has) * counts.precision();
            before = counts.both;
        }
        (has > 0).then_some(area)
    }

    /// The probability of each label above which to give it, so that its F1 on these examples is highest; 0.5 for a
    /// label that none of them has. Choose on validation data, and measure on others.
    pub fn thresholds(&self) -> Vec<f64> {
        let best = |class: usize| {
            let steps = self.steps(class);
            let mut best = (0.0, EVEN);
            for (place, (logit, counts)) in steps.iter().enumerate() {
                if counts.f1() > best.0 {
                    // Half way to the next below, so that neither is on the edge.
                    let below = steps.get(place + 1).map_or(logit - 1.0, |next| next.0);
                    let (above, below) = (sigmoid(*logit), sigmoid(below));
                    // Where probabilities cannot be told apart, the logits above are not reached by a threshold.
                    if above > below {
                        best = (counts.f1(), below + (above - below) / 2.0);
                    }
                }
            }
            best.1
        };
        (0..self.classes).map(best).collect()
    }

    /// The different logits of a class, the highest first, and what is counted where those from it on are answers of yes.
    fn steps(&self, class: usize) -> Vec<(f32, Counts)> {
        assert!(class < self.classes, "class {class} of {}", self.classes);
        let column = self.logits.iter().zip(&self.right).skip(class).step_by(self.classes);
        let mut column: Vec<(f32, bool)> = column.map(|(&logit, &right)| (logit, right)).collect();
        column.sort_by(|one, other| other.0.total_cmp(&one.0));
        let has = column.iter().filter(|(_, right)| *right).count();
        let (mut said, mut both) = (0, 0);
        let step = |equal: &[(f32, bool)]| {
            said += equal.len();
            both += equal.iter().filter(|(_, right)| *right).count();
            (equal[0].0, Counts { said, has, both })
        };
        column.chunk_by(|one, other| one.0 == other.0).map(step).collect()
    }

    fn all_counts(&self, thresholds: &[f64]) -> Vec<Counts> {
        assert_eq!(thresholds.len(), self.classes, "thresholds are not one a label");
        thresholds.iter().enumerate().map(|(class, of)| self.counts(class, *of)).collect()
    }

    fn counts(&self, class: usize, threshold: f64) -> Counts {
        let column = self.logits.iter().zip(&self.right).skip(class).step_by(self.classes);
        let of = |(&logit, &right): (&f32, &bool)| Counts::of(given(logit, threshold), right);
        column.map(of).fold(Counts::default(), Counts::and)
    }

    /// The answers to each example, all labels together.
    fn by_example(&self, thresholds: &[f64]) -> Vec<Counts> {
        let width = self.classes.max(1);
        let rows = self.logits.chunks_exact(width).zip(self.right.chunks_exact(width));
        rows.map(|(logits, right)| {
            let answers = logits.iter().zip(right).zip(thresholds);
            answers
                .map(|((logit, right), threshold)| Counts::of(given(*logit, *threshold), *right))
                .fold(Counts::default(), Counts::and)
        })
        .collect()
    }

    /// The mean of average precisions of resampled examples; `orders` has the places of each class by falling logit.
    fn resampled_map(&self, orders: &[Vec<usize>], places: &[usize]) -> f64 {
        let mut weights = vec![0_usize; self.len()];
        places.iter().for_each(|&place| weights[place] += 1);
        let precision = |class: usize| {
            let at = |place: &usize| place * self.classes + class;
            let has: usize = (0..self.len())
                .filter(|place| self.right[at(place)])
                .map(|place| weights[place])
                .sum();
            let (mut said, mut both, mut area) = (0, 0, 0.0);
            for equal in
                orders[class].chunk_by(|one, other| self.logits[at(one)] == self.logits[at(other)])
            {
                let before = both;
                for place in equal {
                    said += weights[*place];
                    both += if self.right[at(place)] { weights[*place] } else { 0 };
                }
                area += share(both - before, has) * share(both, said);
            }
            (has > 0).then_some(area)
        };
        let found: Vec<f64> = (0..self.classes).filter_map(precision).collect();
        if found.is_empty() { f64::NAN } else { mean(found.into_iter()) }
    }
}

/// How labels are given on a set of examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiLabel {
    /// Number of examples.
    pub examples: usize,
    /// The mean of the labels' average precisions.
    pub map: Estimate,
    /// The F1 of all answers together (micro).
    pub f1: Estimate,
    /// The share of examples with every label right and no other.
    pub exact: Estimate,
    /// The mean of the F1 of the labels that occur.
    #[serde(with = "nullable")]
    pub f1_macro: f64,
    /// The binary cross-entropy in nats, over examples and labels.
    #[serde(with = "nullable")]
    pub loss: f64,
    /// Each label by itself.
    pub labels: Vec<PerLabel>,
}

/// How one label is given.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerLabel {
    /// The precision at every recall, averaged; none for a label that no example has.
    pub average_precision: Option<f64>,
    /// The probability above which it is given.
    pub threshold: f64,
    /// What that comes to.
    pub scores: PerClass,
}

/// The level of the intervals.
const LEVEL: f64 = 0.95;

impl MultiLabel {
    /// Measures all of it at given thresholds, with intervals at 95%.
    ///
    /// # Panics
    ///
    /// If there is not a threshold a label.
    pub fn of(predictions: &MultiLabelPredictions, thresholds: &[f64]) -> Self {
        let counts = predictions.all_counts(thresholds);
        let values = predictions.values_at(thresholds);
        let value = |name: &str| values.get(name).unwrap_or(f64::NAN);
        let (examples, classes) = (predictions.len(), predictions.classes);
        let orders: Vec<Vec<usize>> = (0..classes)
            .map(|class| {
                let logit = |place: usize| predictions.logits[place * classes + class];
                let mut order: Vec<usize> = (0..examples).collect();
                order.sort_by(|&one, &other| logit(other).total_cmp(&logit(one)));
                order
            })
            .collect();
        let by_example = predictions.by_example(thresholds);
        let f1 = |places: &[usize]| {
            places.iter().fold(Counts::default(), |sum, &place| sum.and(by_example[place])).f1()
        };
        let map = bootstrap(examples, LEVEL, |places| predictions.resampled_map(&orders, places));
        let f1 = bootstrap(examples, LEVEL, f1);
        let exact = share_interval(&predictions.exact(thresholds));
        let label = |(class, (counts, threshold)): (usize, (&Counts, &f64))| PerLabel {
            average_precision: predictions.average_precision(class),
            threshold: *threshold,
            scores: PerClass {
                precision: counts.precision(),
                recall: counts.recall(),
                f1: counts.f1(),
                support: counts.has,
            },
        };
        Self {
            examples,
            map: Estimate::new(value("map"), map, LEVEL),
            f1: Estimate::new(value("f1"), f1, LEVEL),
            exact: Estimate::new(value("exact"), exact, LEVEL),
            f1_macro: value("f1_macro"),
            loss: value("loss"),
            labels: counts.iter().zip(thresholds).enumerate().map(label).collect(),
        }
    }
}

/// The probability of a logit.
pub fn sigmoid(logit: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(logit)).exp())
}

/// The binary cross-entropy, in nats: log(1 + exp(x)) - x * target, where nothing overflows.
fn cross_entropy(logit: f32, right: bool) -> f64 {
    let logit = f64::from(logit);
    logit.max(0.0) - if right { logit } else { 0.0 } + (-logit.abs()).exp().ln_1p()
}

/// A probability that says neither yes nor no.
const EVEN: f64 = 0.5;

/// Whether a label is given.
fn given(logit: f32, threshold: f64) -> bool {
    sigmoid(logit) > threshold
}

/// Examples that are said to have a label, that have it, and both.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    said: usize,
    has: usize,
    both: usize,
}

impl Counts {
    fn of(said: bool, has: bool) -> Self {
        let [said, has, both] = [said, has, said && has].map(usize::from);
        Self { said, has, both }
    }

    fn and(self, other: Self) -> Self {
        Self {
            said: self.said + other.said,
            has: self.has + other.has,
            both: self.both + other.both,
        }
    }

    fn precision(&self) -> f64 {
        share(self.both, self.said)
    }

    fn recall(&self) -> f64 {
        share(self.both, self.has)
    }

    fn f1(&self) -> f64 {
        share(2 * self.both, self.said + self.has)
    }
}

/// 0 of nothing.
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With ties, an example without labels, and a class that no example has.
    const LOGITS: [[f32; 4]; 6] = [
        [2.0, -1.0, 0.5, -2.0],
        [0.5, 0.5, -0.5, -1.0],
        [-1.0, 2.0, 1.0, 0.25],
        [0.5, -2.0, -3.0, -1.0],
        [-0.5, 0.5, 0.75, -4.0],
        [1.0, 1.5, -0.25, -0.5],
    ];

    fn predictions() -> MultiLabelPredictions {
        let mut predictions = MultiLabelPredictions::new(4);
        let labels = [vec![0, 2], vec![1], vec![1, 2], vec![], vec![0, 1], vec![0, 1]];
        predictions.add(&LOGITS[..2].concat(), &labels[..2]);
        predictions.add(&LOGITS[2..].concat(), &labels[2..]);
        predictions
    }

    /// `log_loss` by class, `average_precision_score`, `precision_score`, `recall_score` and `f1_score` with
    /// `average="micro"`, `f1_score` with `average="macro", labels=[0, 1, 2]`, and `accuracy_score` of
    /// `sklearn.metrics` 1.9, at thresholds of 0.5 and at others.
    #[test]
    fn all_of_it_is_scikit_learns() {
        let predictions = predictions();
        let others = [0.7, 0.6, 0.3, 0.9];
        for (thresholds, metric, expected) in [
            ([0.5; 4], "loss", 0.436_949_935_252_873_84),
            ([0.5; 4], "map", 0.9),
            ([0.5; 4], "precision", 0.666_666_666_666_666_6),
            ([0.5; 4], "recall", 0.888_888_888_888_888_8),
            ([0.5; 4], "f1", 0.761_904_761_904_761_9),
            ([0.5; 4], "f1_macro", 0.790_476_190_476_190_4),
            ([0.5; 4], "exact", 1.0 / 3.0),
            (others, "map", 0.9),
            (others, "precision", 0.727_272_727_272_727_3),
            (others, "recall", 0.888_888_888_888_888_8),
            (others, "f1", 0.8),
            (others, "f1_macro", 0.790_476_190_476_190_4),
            (others, "exact", 0.5),
        ] {
            let found = predictions.values_at(&thresholds).get(metric).unwrap();
            assert!((found - expected).abs() < 1e-9, "{metric}: {found} against {expected}");
        }
        assert_eq!(predictions.values(), predictions.values_at(&[0.5; 4]));
        assert_eq!((predictions.len(), predictions.classes()), (6, 4));
        assert_eq!(predictions.average_precision(3), None);
    }

    /// `precision_recall_fscore_support` and `average_precision_score` by label, at other thresholds.
    #[test]
    fn each_label_is_scikit_learns() {
        let found = MultiLabel::of(&predictions(), &[0.7, 0.6, 0.3, 0.9]);
        let expected = [
            (Some(0.866_666_666_666_666_7), 1.0, 2.0 / 3.0, 0.8, 3),
            (Some(1.0), 1.0, 1.0, 1.0, 4),
            (Some(0.833_333_333_333_333_3), 0.4, 1.0, 0.571_428_571_428_571_4, 2),
            (None, 0.0, 0.0, 0.0, 0),
        ];
        for (label, (precision_at_all, precision, recall, f1, support)) in
            found.labels.iter().zip(expected)
        {
            let near = |one: f64, other: f64| (one - other).abs() < 1e-12;
            let same = near(label.scores.precision, precision)
                && near(label.scores.recall, recall)
                && near(label.scores.f1, f1)
                && match (label.average_precision, precision_at_all) {
                    (Some(one), Some(other)) => near(one, other),
                    (one, other) => one == other,
                };
            assert!(same && label.scores.support == support, "{label:?}");
        }
        for estimate in [found.map, found.f1, found.exact] {
            assert!(
                estimate.low <= estimate.value && estimate.value <= estimate.high,
                "{estimate:?}"
            );
            assert!(estimate.low < estimate.high, "{estimate:?}");
        }
    }

    /// What is resampled to itself is the average precision, ties and all.
    #[test]
    fn a_resample_is_measured_as_the_whole_is() {
        let predictions = predictions();
        let order = |class: usize| {
            let mut order: Vec<usize> = (0..6).collect();
            order.sort_by(|&one, &other| LOGITS[other][class].total_cmp(&LOGITS[one][class]));
            order
        };
        let orders: Vec<_> = (0..4).map(order).collect();
        let found = predictions.resampled_map(&orders, &[0, 1, 2, 3, 4, 5]);
        assert!((found - 0.9).abs() < 1e-12, "{found}");
    }

    #[test]
    fn thresholds_do_best() {
        let predictions = predictions();
        let thresholds = predictions.thresholds();
        assert_eq!(thresholds[3], 0.5);
        for class in 0..4 {
            let chosen = predictions.counts(class, thresholds[class]).f1();
            for row in LOGITS {
                for other in [sigmoid(row[class]), sigmoid(row[class]) - 1e-3] {
                    assert!(predictions.counts(class, other).f1() <= chosen, "{class}: {other}");
                }
            }
        }
    }

    #[test]
    fn of_nothing_nothing_is_measured() {
        let none = MultiLabelPredictions::new(3);
        assert!(none.is_empty() && none.values().get("map").unwrap().is_nan());
        assert_eq!(none.values().get("exact"), Some(0.0));
    }

    #[test]
    fn what_is_most_wrong_comes_first_and_what_is_right_not_at_all() {
        let mut predictions = MultiLabelPredictions::new(2);
        let labels = [vec![0], vec![1], vec![0], vec![]];
        predictions.add(&[2.0, -2.0, 3.0, -1.0, 0.5, 0.5, -1.0, -1.0], &labels);
        for (thresholds, expected) in
            [([0.5, 0.5], vec![1, 2]), ([0.5, 0.7], vec![1]), ([0.2, 0.7], vec![1, 3])]
        {
            assert_eq!(predictions.most_wrong(&thresholds), expected, "{thresholds:?}");
        }
        assert_eq!(predictions.rows().nth(1), Some(&[3.0, -1.0][..]));
    }
}
