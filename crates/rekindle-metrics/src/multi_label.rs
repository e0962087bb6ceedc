//! What was answered where examples have any number of labels, and what was right.

use crate::{Values, predictions::mean};

/// Logits of examples, a row each, and all labels of each. A logit above zero is an answer of yes.
#[derive(Debug, Clone, PartialEq)]
pub struct TagPredictions {
    classes: usize,
    logits: Vec<f32>,
    /// Whether each example has each label, rows as those of the logits.
    right: Vec<bool>,
}

impl TagPredictions {
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

    /// What is measured after every epoch.
    ///
    /// `loss` is the binary cross-entropy in nats, over examples and classes; `precision`, `recall` and `f1` are means over
    /// the classes that occur, and `micro_f1` counts all answers together; `map` is the mean of
    /// [average precisions](Self::average_precision); `exact` the share of examples with every label right and no other.
    pub fn values(&self) -> Values {
        let counts: Vec<Counts> = (0..self.classes).map(|class| self.counts(class, 0.0)).collect();
        let occurring: Vec<&Counts> = counts.iter().filter(|counts| counts.has > 0).collect();
        let over = |of: fn(&Counts) -> f64| mean(occurring.iter().map(|counts| of(counts)));
        let all = counts.iter().fold(Counts::default(), |sum, of| Counts {
            said: sum.said + of.said,
            has: sum.has + of.has,
            both: sum.both + of.both,
        });
        let rows = || {
            self.logits
                .chunks_exact(self.classes.max(1))
                .zip(self.right.chunks_exact(self.classes.max(1)))
        };
        let exact = rows().map(|(logits, right)| {
            let same = logits.iter().zip(right).all(|(logit, right)| (*logit > 0.0) == *right);
            f64::from(u8::from(same))
        });
        let loss = self.logits.iter().zip(&self.right).map(|(&logit, &right)| {
            let logit = f64::from(logit);
            // log(1 + exp(x)) - x * target, where nothing overflows.
            logit.max(0.0) - if right { logit } else { 0.0 } + (-logit.abs()).exp().ln_1p()
        });
        let precisions = (0..self.classes).filter_map(|class| self.average_precision(class));
        let precisions: Vec<f64> = precisions.collect();
        let mut values = Values::default();
        values.set("loss", mean(loss));
        values.set(
            "map",
            if precisions.is_empty() { f64::NAN } else { mean(precisions.into_iter()) },
        );
        values.set("precision", over(Counts::precision));
        values.set("recall", over(Counts::recall));
        values.set("f1", over(Counts::f1));
        values.set("micro_f1", all.f1());
        values.set("exact", mean(exact));
        values
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

    /// The logit of each class above which to answer yes, so that its F1 on these examples is highest; 0 for a class that none
    /// of them has. Choose on validation data, and measure on others.
    pub fn thresholds(&self) -> Vec<f32> {
        let best = |class: usize| {
            let steps = self.steps(class);
            let mut best = (0.0, 0.0);
            for (place, (logit, counts)) in steps.iter().enumerate() {
                if counts.f1() > best.0 {
                    // Half way to the next below, so that neither is on the edge.
                    let below = steps.get(place + 1).map_or(logit - 1.0, |next| next.0);
                    best = (counts.f1(), below + (logit - below) / 2.0);
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

    fn counts(&self, class: usize, threshold: f32) -> Counts {
        let mut counts = Counts::default();
        let column = self.logits.iter().zip(&self.right).skip(class).step_by(self.classes);
        for (&logit, &right) in column {
            let said = logit > threshold;
            counts.said += usize::from(said);
            counts.has += usize::from(right);
            counts.both += usize::from(said && right);
        }
        counts
    }
}

/// Examples that are said to have a label, that have it, and both.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    said: usize,
    has: usize,
    both: usize,
}

impl Counts {
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

    fn predictions() -> TagPredictions {
        let mut predictions = TagPredictions::new(4);
        let labels = [vec![0, 2], vec![1], vec![1, 2], vec![], vec![0, 1], vec![0, 1]];
        predictions.add(&LOGITS[..2].concat(), &labels[..2]);
        predictions.add(&LOGITS[2..].concat(), &labels[2..]);
        predictions
    }

    /// `log_loss` by class, `average_precision_score`, `precision_recall_fscore_support(average=..., labels=[0, 1, 2])`, and
    /// `accuracy_score` of `sklearn.metrics`.
    #[test]
    fn all_of_it_is_scikit_learns() {
        let predictions = predictions();
        let values = predictions.values();
        for (metric, expected) in [
            ("loss", 0.436_949_935_252_873_84),
            ("map", 0.9),
            ("precision", 0.722_222_222_222_222_2),
            ("recall", 0.888_888_888_888_888_8),
            ("f1", 0.790_476_190_476_190_4),
            ("micro_f1", 0.761_904_761_904_761_9),
            ("exact", 1.0 / 3.0),
        ] {
            let found = values.get(metric).unwrap();
            assert!((found - expected).abs() < 1e-9, "{metric}: {found} against {expected}");
        }
        assert_eq!((predictions.len(), predictions.classes()), (6, 4));
        assert_eq!(predictions.average_precision(3), None);
    }

    #[test]
    fn thresholds_do_best() {
        let predictions = predictions();
        let thresholds = predictions.thresholds();
        assert_eq!(thresholds[3], 0.0);
        for class in 0..4 {
            let chosen = predictions.counts(class, thresholds[class]).f1();
            for row in LOGITS {
                for other in [row[class], row[class] - 1e-3] {
                    assert!(predictions.counts(class, other).f1() <= chosen, "{class}: {other}");
                }
            }
        }
    }

    #[test]
    fn of_nothing_nothing_is_measured() {
        let none = TagPredictions::new(3);
        assert!(none.is_empty() && none.values().get("map").unwrap().is_nan());
        assert_eq!(none.values().get("exact"), Some(0.0));
    }
}
