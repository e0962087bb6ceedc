//! What there is to be learned of an item: one label, any number of labels, or numbers.

use std::fmt::Debug;

/// The kinds of what is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// One label of several: `usize`.
    Label,
    /// Any number of labels: `Vec<usize>`.
    Labels,
    /// Numbers, one a column: `Vec<f32>`.
    Numbers,
}

impl TargetKind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Label => "one label",
            Self::Labels => "several labels",
            Self::Numbers => "numbers",
        }
    }
}

/// What is learned of an item: `usize`, `Vec<usize>` or `Vec<f32>`.
pub trait Target: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Which kind it is.
    const KIND: TargetKind;

    /// The target of an item that has these labels and numbers, of which a kind takes its own.
    fn of(labels: Vec<usize>, numbers: Vec<f32>) -> Self;

    /// Its labels, as places in the list of their names; none where it is numbers.
    fn labels(&self) -> &[usize];

    /// Its numbers, one a name; none where it is labels.
    fn numbers(&self) -> &[f32];

    /// The same where what was in place `n` of the list of names is in `places[n]` of another.
    ///
    /// # Panics
    ///
    /// If it has a label beyond `places`.
    fn renumbered(&self, places: &[usize]) -> Self {
        let mut labels: Vec<usize> = self.labels().iter().map(|&label| places[label]).collect();
        labels.sort_unstable();
        let mut numbers = vec![0.0; self.numbers().len()];
        for (&number, &place) in self.numbers().iter().zip(places) {
            if let Some(to) = numbers.get_mut(place) {
                *to = number;
            }
        }
        Self::of(labels, numbers)
    }
}

impl Target for usize {
    const KIND: TargetKind = TargetKind::Label;

    fn of(labels: Vec<usize>, _: Vec<f32>) -> Self {
        labels.first().copied().unwrap_or_default()
    }

    fn labels(&self) -> &[usize] {
        std::slice::from_ref(self)
    }

    fn numbers(&self) -> &[f32] {
        &[]
    }
}

impl Target for Vec<usize> {
    const KIND: TargetKind = TargetKind::Labels;

    fn of(labels: Vec<usize>, _: Vec<f32>) -> Self {
        labels
    }

    fn labels(&self) -> &[usize] {
        self
    }

    fn numbers(&self) -> &[f32] {
        &[]
    }
}

impl Target for Vec<f32> {
    const KIND: TargetKind = TargetKind::Numbers;

    fn of(_: Vec<usize>, numbers: Vec<f32>) -> Self {
        numbers
    }

    fn labels(&self) -> &[usize] {
        &[]
    }

    fn numbers(&self) -> &[f32] {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_renumbered() {
        assert_eq!(1_usize.renumbered(&[2, 0, 1]), 0);
        assert_eq!(vec![0_usize, 2].renumbered(&[2, 0, 1]), [1, 2]);
        assert_eq!(vec![1.0_f32, 2.0, 3.0].renumbered(&[2, 0, 1]), [2.0, 3.0, 1.0]);
    }
}
