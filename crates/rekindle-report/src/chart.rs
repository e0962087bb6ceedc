//! Charts as SVG: lines over a linear, whole-numbered, named or logarithmic axis with areas behind them, bars, intervals, and
//! how far probabilities can be trusted.
//!
//! Every function takes plain data and returns one `<svg>` element, fit for an HTML page or, as it
//! is, for a file. Ink follows the text's color, so that a chart works on light and dark ground;
//! series differ in color, dashes and markers. What is NaN is left out, never drawn wrong.

mod area;
mod bars;
mod draw;
mod intervals;
mod line;
mod named;
mod reliability;
mod scale;
mod scatter;

pub use area::Area;
pub use bars::{BarChart, BarRow, bar_chart};
pub(crate) use draw::{area_swatch, swatch};
pub use intervals::{IntervalChart, IntervalRow, interval_chart};
pub use line::{Band, Legend, LineChart, Mark, Series, line_chart};
pub use reliability::{ReliabilityChart, reliability_chart};
pub use scale::{Axis, AxisScale};
pub use scatter::{Ideal, ScatterChart, scatter_chart};
