//! From values to places on the page, and which values are written beside an axis.

use crate::{MetricUnit, markup};

/// The most that is drawn; greater values are taken for none, lest their differences overflow.
const GREATEST: f64 = 1e30;
/// How many powers of ten a logarithmic axis spans at most, counted from the greatest value.
const DECADES: i32 = 9;

/// How values are laid out and written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axis {
    /// What is measured, with its unit; may be empty.
    pub label: String,
    /// How values are spaced.
    pub scale: AxisScale,
    /// How they are written.
    pub unit: MetricUnit,
}

/// How values are spaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AxisScale {
    /// Evenly.
    #[default]
    Linear,
    /// Evenly, each whole number in the middle of its place: for epochs.
    Whole,
    /// By their logarithm. Zero and less cannot be drawn.
    Log,
}

/// A scale laid out over pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    scale: AxisScale,
    unit: MetricUnit,
    low: f64,
    high: f64,
    pixels: (f64, f64),
    step: f64,
}

/// A value that is written beside an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// Whether and on which scale a value can be drawn.
pub(super) fn drawable(scale: AxisScale, value: f64) -> bool {
    value.is_finite() && value.abs() <= GREATEST && (scale != AxisScale::Log || value > 1e-30)
}

impl Placed {
    /// Wide enough for all `values` that can be drawn; none if there are none.
    ///
    /// `steps` is about how many ticks there is room for.
    pub(super) fn around(axis: &Axis, values: &[f64], steps: f64) -> Option<Self> {
        let values = values.iter().copied().filter(|value| drawable(axis.scale, *value));
        let (mut low, mut high) = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return None;
        }
        let step;
        match axis.scale {
            AxisScale::Whole => {
                (low, high) = (low.round() - 0.5, high.round() + 0.5);
                step = nice((high - low) / steps).max(1.0);
            }
            AxisScale::Linear => {
                // A flat line gets some room, more than rounding could blur.
                let least = (low.abs().max(high.abs()) * 0.02).max(1e-9);
                if high - low < least {
                    let bounded = axis.unit == MetricUnit::Share && high <= 1.0;
                    low -= least;
                    high = if bounded { (high + least).min(1.0) } else { high + least };
                }
                step = nice((high - low) / steps);
                // Rounded first, so that 0.3 / 0.1 does not ask for one step more.
                let steps_to = |value: f64| (value / step * 1e6).round() / 1e6;
                (low, high) = (steps_to(low).floor() * step, steps_to(high).ceil() * step);
            }
            AxisScale::Log => {
                let top = high.log10();
                low = low.max(10_f64.powf(top - f64::from(DECADES)));
                let (first, last) = (low.log10().floor(), top.ceil());
                if (top - low.log10()) >= 1.0 {
                    (low, high) = (10_f64.powf(first), 10_f64.powf(last));
                } else {
                    (low, high) = (below(low), above(high));
                }
                step = ((last - first) / steps).ceil().max(1.0);
            }
        }
        Some(Self { scale: axis.scale, unit: axis.unit, low, high, pixels: (0.0, 1.0), step })
    }

    /// Laid out from one pixel to another.
    pub(super) fn over(self, from: f64, to: f64) -> Self {
        Self { pixels: (from, to), ..self }
    }

    /// The pixel of a value; none if it cannot be drawn.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        if !drawable(self.scale, value) {
            return None;
        }
        let share = match self.scale {
            AxisScale::Log => (value / self.low).log10() / (self.high / self.low).log10(),
            _ => (value - self.low) / (self.high - self.low),
        };
        let (from, to) = self.pixels;
        (-0.001..=1.001).contains(&share).then_some(from + share * (to - from))
    }

    /// The pixel of a value, or of the end of the axis that it lies beyond.
    pub(super) fn clamped(&self, value: f64) -> f64 {
        self.place(value.clamp(self.low, self.high)).unwrap_or(self.pixels.0)
    }

    /// The values to write beside the axis, from low to high.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        match self.scale {
            AxisScale::Log => self.powers(),
            _ => {
                let first = (self.low / self.step - 1e-6).ceil();
                let count = ((self.high / self.step + 1e-6).floor() - first).clamp(0.0, 60.0);
                let values = (0..=count as u32).map(|tick| (first + f64::from(tick)) * self.step);
                let tick = |value| Tick { value, label: self.label(value) };
                values.map(tick).collect()
            }
        }
    }

    /// A value as it is written in a hint.
    pub(super) fn written(&self, value: f64) -> String {
        markup::value(value, self.unit)
    }

    fn powers(&self) -> Vec<Tick> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        // Few powers leave room for the numbers between them.
        let leading: &[f64] = if last - first <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let powers = (first..=last).step_by((self.step as usize).max(1));
        let values = powers.flat_map(|power| leading.iter().map(move |lead| (lead, power)));
        let tick = |(lead, power): (&f64, i32)| {
            let value = lead * 10_f64.powi(power);
            let label = match (self.unit, power) {
                (MetricUnit::Share, _) => self.written(value),
                (MetricUnit::Number, 0..=5) if first >= 0 => markup::count(value.round() as usize),
                (MetricUnit::Number, _) if first >= -2 && last <= 2 => self.written(value),
                (MetricUnit::Number, 0) => format!("{lead}"),
                (MetricUnit::Number, _) => format!("{lead}e{power}"),
            };
            Tick { value, label }
        };
        values.map(tick).filter(|tick| self.place(tick.value).is_some()).collect()
    }

    /// A value with as many decimals as the step has.
    fn label(&self, value: f64) -> String {
        let factor = if self.unit == MetricUnit::Share { 100.0 } else { 1.0 };
        let decimals = (-(self.step * factor).log10().floor()).clamp(0.0, 9.0) as usize;
        let value = if value.abs() < self.step * 1e-6 { 0.0 } else { value };
        match self.unit {
            MetricUnit::Share => format!("{:.decimals$}%", value * 100.0),
            MetricUnit::Number if !(1e-6..1e6).contains(&self.high.abs().max(self.low.abs())) => {
                markup::number(value)
            }
            MetricUnit::Number => format!("{value:.decimals$}"),
        }
    }
}

/// The next of 1, 2, 5, 10, 20, 50 and so on.
pub(super) fn nice(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let lead = step / power;
    let nicer = [1.0, 2.0, 5.0, 10.0].into_iter().find(|nicer| lead <= nicer * 1.000_001);
    nicer.unwrap_or(10.0) * power
}

/// The greatest of 1, 2, 5, 10 and so on below a value.
fn below(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let lead = [5.0, 2.0, 1.0].into_iter().find(|lead| lead * power < value);
    lead.unwrap_or(0.5) * power
}

/// The least of 1, 2, 5, 10 and so on above a value.
fn above(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let lead = [1.0, 2.0, 5.0, 10.0].into_iter().find(|lead| lead * power > value);
    lead.unwrap_or(20.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: AxisScale, unit: MetricUnit, values: &[f64]) -> String {
        let axis = Axis { label: String::new(), scale, unit };
        let placed = Placed::around(&axis, values, 5.0).unwrap().over(0.0, 100.0);
        placed.ticks().iter().map(|tick| format!("{} ", tick.label)).collect()
    }

    #[test]
    fn ticks_are_what_a_person_would_write() {
        let check = |scale, unit, values: &[f64], expected: &str| {
            assert_eq!(labels(scale, unit, values).trim_end(), expected, "{values:?}");
        };
        check(AxisScale::Linear, MetricUnit::Number, &[0.0, 0.69], "0.0 0.2 0.4 0.6 0.8");
        check(AxisScale::Linear, MetricUnit::Share, &[0.5, 0.947], "50% 60% 70% 80% 90% 100%");
        check(AxisScale::Linear, MetricUnit::Share, &[1.0, 1.0], "98.0% 98.5% 99.0% 99.5% 100.0%");
        check(AxisScale::Whole, MetricUnit::Number, &[1.0, 12.0], "5 10");
        check(AxisScale::Whole, MetricUnit::Number, &[1.0, 3.0], "1 2 3");
        check(
            AxisScale::Log,
            MetricUnit::Number,
            &[1e-5, 1e-3],
            "1e-5 2e-5 5e-5 1e-4 2e-4 5e-4 1e-3",
        );
        check(AxisScale::Log, MetricUnit::Number, &[1e-7, 1.0], "1e-7 1e-5 1e-3 1e-1");
        check(AxisScale::Log, MetricUnit::Number, &[3.0, 4.0], "2 5");
        check(
            AxisScale::Log,
            MetricUnit::Number,
            &[100.0, 2000.0],
            "100 200 500 1\u{202f}000 2\u{202f}000 5\u{202f}000 10\u{202f}000",
        );
    }

    #[test]
    fn what_is_no_number_has_no_place() {
        let axis = |scale| Axis { scale, ..Axis::default() };
        let none = [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300];
        assert!(Placed::around(&axis(AxisScale::Linear), &none, 5.0).is_none());
        assert!(Placed::around(&axis(AxisScale::Log), &[0.0, -1.0], 5.0).is_none());
        let placed = Placed::around(&axis(AxisScale::Log), &[0.0, 0.1, 10.0], 5.0).unwrap();
        assert_eq!(placed.place(0.0), None);
        assert_eq!(placed.over(0.0, 200.0).place(1.0), Some(100.0));
    }

    #[test]
    fn the_widest_and_the_narrowest_values_have_few_ticks() {
        let sets: [&[f64]; 6] = [
            &[1e30, -1e30],
            &[1.0, 1.0 + f64::EPSILON],
            &[0.0],
            &[1e-12, 2e-12],
            &[1e-29, 1e30],
            &[123_456.0],
        ];
        for values in sets {
            for scale in [AxisScale::Linear, AxisScale::Whole, AxisScale::Log] {
                let axis = Axis { scale, ..Axis::default() };
                let Some(placed) = Placed::around(&axis, values, 5.0) else { continue };
                let placed = placed.over(0.0, 300.0);
                let ticks = placed.ticks();
                assert!((1..=12).contains(&ticks.len()), "{scale:?} {values:?}: {ticks:?}");
                assert!(ticks.iter().all(|tick| placed.place(tick.value).is_some()));
            }
        }
    }
}
