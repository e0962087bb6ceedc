//! Numbers that must lie in a range, and one message that names all that do not.

use std::{fmt::Debug, ops::RangeBounds};

/// What is out of range so far.
#[derive(Default)]
pub(crate) struct Ranges(Vec<String>);

impl Ranges {
    /// Notes `value` unless it lies in `range`; what is NaN lies in none.
    pub(crate) fn within<T: PartialOrd + Debug>(
        mut self,
        name: &str,
        value: T,
        range: impl RangeBounds<T> + Debug,
    ) -> Self {
        if !range.contains(&value) {
            self.0.push(format!("{name} is {value:?} but must lie in {range:?}"));
        }
        self
    }

    /// Notes `value` unless it is a finite number greater than zero.
    pub(crate) fn positive(mut self, name: &str, value: f64) -> Self {
        if !(value > 0.0 && value.is_finite()) {
            self.0.push(format!("{name} is {value:?} but must be greater than zero"));
        }
        self
    }

    /// Notes `what` where `wrong`.
    pub(crate) fn wrong_if(mut self, wrong: bool, what: impl FnOnce() -> String) -> Self {
        if wrong {
            self.0.push(what());
        }
        self
    }

    /// Notes what was found elsewhere.
    pub(crate) fn and(mut self, found: Result<(), String>) -> Self {
        self.0.extend(found.err());
        self
    }

    /// Everything that was noted.
    pub(crate) fn done(self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0.join("; ")) }
    }
}
