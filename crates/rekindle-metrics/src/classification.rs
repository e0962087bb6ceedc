//! How a classifier does: by class, by confidence, over all thresholds.

use serde::{Deserialize, Serialize};

use crate::{
    Interval, Predictions, Values, accuracy_interval, predictions::mean, values::nullable,
};

/// How a classifier does on a set of examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// Number of examples.
    pub examples: usize,
    /// Share whose most likely class is right.
    pub accuracy: f64,
    /// Where the accuracy lies at 95%: [`accuracy_interval`].
    pub interval: Interval,
    /// Share whose class is among the five most likely.
    pub top5: f64,
    /// Mean cross-entropy in nats.
    pub log_loss: f64,
    /// Each class by itself.
    pub classes: Vec<PerClass>,
    /// Examples by true class (rows) and predicted class (columns).
    pub confusion: Vec<Vec<usize>>,
    /// Mean over classes, each against the rest, of the area under the ROC curve; none if no class has both.
    pub auroc: Option<f64>,
    /// Expected calibration error over [`Classification::bins`]. Guo et al. 2017, <https://arxiv.org/abs/1706.04599>.
    pub calibration_error: f64,
    /// Examples by confidence, in fifteen parts of equal width.
    pub bins: Vec<Bin>,
}

/// How a classifier does on one class; 0 where nothing is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PerClass {
    /// Share of what is said to be of the class that is.
    #[serde(with = "nullable")]
    pub precision: f64,
    /// Share of what is of the class that is said to be.
    #[serde(with = "nullable")]
    pub recall: f64,
    /// The harmonic mean of both.
    #[serde(with = "nullable")]
    pub f1: f64,
    /// Examples of the class.
    pub support: usize,
}

/// Examples of similar confidence.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bin {
    /// How many.
    #[serde(alias = "count")]
    pub examples: usize,
    /// Their mean probability of the predicted class.
    #[serde(with = "nullable")]
    pub confidence: f64,
    /// Share of them that is right.
    #[serde(with = "nullable")]
    pub accuracy: f64,
}

const BINS: usize = 15;

impl Predictions {
    /// The expected calibration error, and the bins that it is taken over.
    pub fn calibration(&self) -> (f64, Vec<Bin>) {
        calibration(self, &self.normalizers())
    }

    /// What is measured after every epoch: all metrics of a classifier that are single numbers.
    pub fn values(&self) -> Values {
        Classification::measured(self, Interval::default()).values()
    }
}

impl Classification {
    /// Measures all of it.
    pub fn of(predictions: &Predictions) -> Self {
        Self::measured(predictions, accuracy_interval(predictions))
    }

    /// With an interval that is not measured here, since it takes longer than all the rest.
    fn measured(predictions: &Predictions, interval: Interval) -> Self {
        let classes = predictions.classes();
        let mut confusion = vec![vec![0; classes]; classes];
        for (&label, predicted) in predictions.labels().iter().zip(predictions.predicted()) {
            confusion[label][predicted] += 1;
        }
        let normalizers = predictions.normalizers();
        let (calibration_error, bins) = calibration(predictions, &normalizers);
        // A class at a time: the probabilities of all at once may not fit into memory.
        let areas: Vec<f64> = (0..classes)
            .filter_map(|class| {
                area(&predictions.column(class, &normalizers), predictions.labels(), class)
            })
            .collect();
        Self {
            examples: predictions.len(),
            accuracy: predictions.top(1),
            interval,
            top5: predictions.top(5),
            log_loss: mean(predictions.losses().into_iter()),
            classes: (0..classes).map(|class| PerClass::of(&confusion, class)).collect(),
            auroc: (!areas.is_empty()).then(|| mean(areas.iter().copied())),
            calibration_error,
            confusion,
            bins,
        }
    }

    /// The metrics that are single numbers; precision, recall and F1 are means over the classes that occur or are
    /// predicted, as scikit-learn's with `average="macro"`. An area that does not exist is NaN.
    pub fn values(&self) -> Values {
        let said = |class: usize| self.confusion.iter().any(|row| row[class] > 0);
        let counts = |(class, of): &(usize, &PerClass)| of.support > 0 || said(*class);
        let over = |of: fn(&PerClass) -> f64| {
            mean(self.classes.iter().enumerate().filter(counts).map(|(_, class)| of(class)))
        };
        let mut values = Values::default();
        values.set("loss", self.log_loss);
        values.set("accuracy", self.accuracy);
        values.set("top5", self.top5);
        values.set("precision", over(|class| class.precision));
        values.set("recall", over(|class| class.recall));
        values.set("f1", over(|class| class.f1));
        values.set("auroc", self.auroc.unwrap_or(f64::NAN));
        values.set("calibration_error", self.calibration_error);
        values
    }
}

impl PerClass {
    fn of(confusion: &[Vec<usize>], class: usize) -> Self {
        let right = confusion[class][class] as f64;
        let support: usize = confusion[class].iter().sum();
        let said: usize = confusion.iter().map(|row| row[class]).sum();
        let share = |part: f64, whole: f64| if whole == 0.0 { 0.0 } else { part / whole };
        Self {
            precision: share(right, said as f64),
            recall: share(right, support as f64),
            f1: share(2.0 * right, (said + support) as f64),
            support,
        }
    }
}

/// The expected calibration error, and the bins that it is taken over.
pub(crate) fn calibration(predictions: &Predictions, normalizers: &[f64]) -> (f64, Vec<Bin>) {
    let bins = bins(predictions, normalizers);
    let gap = |bin: &Bin| bin.examples as f64 * (bin.accuracy - bin.confidence).abs();
    (bins.iter().map(gap).sum::<f64>() / predictions.len().max(1) as f64, bins)
}

fn bins(predictions: &Predictions, normalizers: &[f64]) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); BINS];
    for ((row, normalizer), hit) in predictions.rows().zip(normalizers).zip(predictions.hits(1)) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let confidence = (f64::from(largest) - normalizer).exp().max(0.0);
        // Closed above, as the paper has them.
        let place = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        let bin = &mut bins[place];
        bin.examples += 1;
        let share = 1.0 / bin.examples as f64;
        bin.confidence += (confidence - bin.confidence) * share;
        bin.accuracy += (f64::from(u8::from(hit)) - bin.accuracy) * share;
    }
    bins
}

/// The area under the ROC curve of a class against the rest: the share of pairs that are in order, ties half.
fn area(scores: &[f64], labels: &[usize], class: usize) -> Option<f64> {
    let inside = labels.iter().filter(|&&label| label == class).count();
    let outside = labels.len() - inside;
    if inside == 0 || outside == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut ranks = 0.0;
    let mut start = 0;
    while start < order.len() {
        let tied = order[start..]
            .iter()
            .take_while(|&&place| scores[place] == scores[order[start]])
            .count()
            .max(1);
        let rank = start as f64 + (tied + 1) as f64 / 2.0;
        let ours =
            order[start..start + tied].iter().filter(|&&place| labels[place] == class).count();
        ranks += rank * ours as f64;
        start += tied;
    }
    let least = (inside * (inside + 1)) as f64 / 2.0;
    Some((ranks - least) / (inside * outside) as f64)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Ties, and a class that never occurs but is answered once.
    pub(crate) const LOGITS: [[f32; 4]; 8] = [
        [2.0, 1.0, 0.0, 0.0],
        [0.5, 0.5, 0.0, 0.0],
        [0.0, 2.0, 1.0, 0.0],
        [0.0, 0.0, 3.0, 1.0],
        [1.0, 0.0, 0.5, 2.0],
        [0.0, 1.0, 1.0, 0.0],
        [0.2, 0.1, 0.0, 0.3],
        [0.0, 0.0, 1.0, 0.0],
    ];
    pub(crate) const LABELS: [usize; 8] = [0, 0, 1, 2, 2, 1, 0, 1];

    /// `sklearn.metrics`: `accuracy_score`, `log_loss`, `precision_recall_fscore_support(zero_division=0)`,
    /// `confusion_matrix`, the mean of `roc_auc_score` of the classes that occur; the calibration error by numpy.
    #[test]
    fn all_of_it_is_scikit_learns() {
        let mut predictions = Predictions::new(4);
        predictions.add(&LOGITS.concat(), &LABELS);
        let found = Classification::of(&predictions);
        assert_eq!(predictions.predicted(), [0, 0, 1, 2, 3, 1, 3, 2]);
        assert_eq!(found.confusion, [[2, 0, 0, 1], [0, 2, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0]]);
        let by_class: Vec<_> =
            found.classes.iter().map(|c| (c.precision, c.f1, c.support)).collect();
        assert_eq!(by_class, [(1.0, 0.8, 3), (1.0, 0.8, 3), (0.5, 0.5, 2), (0.0, 0.0, 0)]);
        let values = found.values();
        for (name, expected) in [
            ("loss", 1.063_058_046_977_073_6),
            ("accuracy", 0.625),
            ("precision", 0.625),
            ("recall", 0.458_333_333_333_333_3),
            ("f1", 0.525),
            ("auroc", 0.794_444_444_444_444_4),
            ("calibration_error", 0.382_355_961_476_800_3),
        ] {
            let found = values.get(name).unwrap();
            assert!((found - expected).abs() < 1e-9, "{name}: {found} against {expected}");
        }
    }

    /// `precision_recall_fscore_support([0, 0], [0, 0], average="macro")` of three classes: only what is there counts.
    #[test]
    fn classes_that_neither_occur_nor_are_predicted_do_not_count() {
        let mut predictions = Predictions::new(3);
        predictions.add(&[1.0, 0.0, 0.0, 2.0, 0.0, 1.0], &[0, 0]);
        let values = predictions.values();
        assert_eq!(["precision", "recall", "f1"].map(|name| values.get(name)), [Some(1.0); 3]);
        assert!(values.get("auroc").unwrap().is_nan());
    }

    #[test]
    fn one_class_alone_has_no_area() {
        let mut predictions = Predictions::new(2);
        predictions.add(&[1.0, 0.0], &[0]);
        assert_eq!(Classification::of(&predictions).auroc, None);
        assert_eq!(Classification::of(&Predictions::new(2)).accuracy, 0.0);
    }
}
