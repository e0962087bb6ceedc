//! Findings about numbers: which are missing or never change, lie far out, or lie elsewhere in another part.
//!
//! | found | where | severity |
//! |---|---|---|
//! | missing | anywhere | error, left out |
//! | the same for all pictures | of what is trained on; of another part | error; warning |
//! | outliers | beyond [`Options::most_beyond`](crate::Options) times the range of the middle half of what is trained on (Tukey 1977) | warning |
//! | elsewhere in a part | more than a twentieth outside of what is trained on, or another distribution (Kolmogorov and Smirnov); neither by chance, at a level of 0.001 | warning |

use rekindle_data::Part;

use crate::{
    Finding, Kind, NumberSpread, Severity, Spread,
    case::{About, Case},
    contents::Contents,
};

/// The range of the middle half of a normal distribution, in its standard deviations.
const NORMAL_RANGE: f64 = 1.349;
/// The most that copies which look the same may differ, in robust deviations.
const NOTICEABLE: f64 = 0.1;
/// What chance does seldom enough to be said.
const SELDOM: f64 = 0.001;
/// The largest share of a part that may lie outside of what is trained on, whatever chance does.
const MOST_OUTSIDE: f64 = 0.05;
/// What the largest difference of two distributions exceeds as seldom, times `sqrt((n + m) / nm)`; and the least that matters.
const KOLMOGOROV: f64 = 1.949;
const LEAST_APART: f64 = 0.1;

pub(crate) fn findings(case: &Case<'_, Vec<f32>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for column in 0..case.contents.names.len() {
        findings.extend(missing(case, column));
        findings.extend(constant(case, column));
        findings.extend(outliers(case, column));
        findings.extend(elsewhere(case, column));
    }
    let (all, least) = (case.of_part(Part::Train).count(), case.options.least_examples);
    if all < least {
        let about = About { kind: Kind::TooFew, severity: Severity::Warning };
        let what = format!("{all} {} to train on, fewer than {least}", case.contents.noun.many);
        let remedy = "add some, or choose a plan that learns less, such as `probe` or `head`";
        findings.push(case.about(about, &[], what, remedy));
    }
    findings
}

/// Where the numbers of each column lie.
pub(crate) fn spreads(contents: &Contents<Vec<f32>>) -> Vec<NumberSpread> {
    let spread = |(column, name): (usize, &String)| {
        let of = |part| spread(&values(contents, column, part));
        let [train, val, test] = [Part::Train, Part::Val, Part::Test].map(of);
        NumberSpread { name: name.clone(), train, val, test }
    };
    contents.names.iter().enumerate().map(spread).collect()
}

/// How far apart two numbers of a column are to be more than noise.
pub(crate) fn noticeable(case: &Case<'_, Vec<f32>>, column: usize) -> f64 {
    NOTICEABLE * deviation(case, column)
}

/// The standard deviation of what is trained on, as its middle half suggests it.
pub(crate) fn deviation(case: &Case<'_, Vec<f32>>, column: usize) -> f64 {
    let spread = spread(&values(case.contents, column, Part::Train));
    spread.map_or(0.0, middle_range) / NORMAL_RANGE
}

fn middle_range(Spread { quartiles: [low, _, high], .. }: Spread) -> f64 {
    f64::from(high) - f64::from(low)
}

/// The numbers of a part that are there, in order.
fn values(contents: &Contents<Vec<f32>>, column: usize, part: Part) -> Vec<f32> {
    let items = contents.items.iter().filter(|item| item.part == part);
    let mut values: Vec<f32> =
        items.map(|item| item.target[column]).filter(|value| value.is_finite()).collect();
    values.sort_by(f32::total_cmp);
    values
}

/// Of values in order; none of none.
pub(crate) fn spread(values: &[f32]) -> Option<Spread> {
    let (&low, &high) = (values.first()?, values.last()?);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let [below, above] = [place.floor(), place.ceil()].map(|at| f64::from(values[at as usize]));
        (below + (above - below) * place.fract()) as f32
    };
    Some(Spread { count: values.len(), low, quartiles: [0.25, 0.5, 0.75].map(at), high })
}

fn missing(case: &Case<'_, Vec<f32>>, column: usize) -> Option<Finding> {
    let items = case.contents.items.iter().enumerate();
    let items = items.filter(|(_, item)| !item.target[column].is_finite());
    let items: Vec<usize> = items.map(|(place, _)| place).collect();
    let name = &case.contents.names[column];
    let about = About { kind: Kind::MissingNumber, severity: Severity::Error };
    let what = format!("has no number in the column `{name}`");
    let mut finding = case.finding(about, &items, what, "give one, or remove its line");
    finding.labels = vec![name.clone()];
    finding.left_out = case.files(&items);
    (!items.is_empty()).then_some(finding)
}

fn constant(case: &Case<'_, Vec<f32>>, column: usize) -> Vec<Finding> {
    let name = &case.contents.names[column];
    let of = |part: Part| {
        let spread = spread(&values(case.contents, column, part))?;
        (spread.count > 1 && spread.low == spread.high).then_some((part, spread))
    };
    let finding = |(part, Spread { count, low, .. }): (Part, Spread)| {
        let (severity, remedy) = match part {
            Part::Train | Part::All => {
                (Severity::Error, "there is nothing to learn of it: leave the column out")
            }
            _ => (Severity::Warning, "it tells little of a model: measure on more"),
        };
        let about = About { kind: Kind::ConstantNumber, severity };
        let what = format!(
            "`{name}` is {low} for all {count} {} in {}",
            case.contents.noun.many,
            part.name()
        );
        case.about(about, &[column], what, remedy)
    };
    match of(Part::Train) {
        Some(train) => vec![finding(train)],
        None => [Part::Val, Part::Test].into_iter().filter_map(of).map(finding).collect(),
    }
}

fn outliers(case: &Case<'_, Vec<f32>>, column: usize) -> Vec<Finding> {
    let name = &case.contents.names[column];
    let Some(train) = spread(&values(case.contents, column, Part::Train)) else {
        return Vec::new();
    };
    let [low, _, high] = train.quartiles;
    let (range, most) = (middle_range(train), case.options.most_beyond);
    // Where one value is that of most pictures, all others would be far out.
    if range <= 0.0 {
        return Vec::new();
    }
    let finding = |place: usize| {
        let value = case.contents.items[place].target[column];
        let beyond = f64::from(low - value).max(f64::from(value - high)) / range;
        if beyond.is_nan() || beyond <= most {
            return None;
        }
        let about = About { kind: Kind::Outlier, severity: Severity::Warning };
        let what = format!(
            "`{name}` is {value}; half of all lie from {low} to {high}, and it is {beyond:.1} times that range beyond"
        );
        let remedy = "correct it where it is wrong; where it is right, `--loss mae` or `huber` are pulled at less";
        let mut finding = case.finding(about, &[place], what, remedy);
        finding.labels = vec![name.clone()];
        finding.score = Some(beyond);
        Some(finding)
    };
    (0..case.contents.items.len()).filter_map(finding).collect()
}

/// Parts to measure on whose numbers are not those that are trained on.
fn elsewhere(case: &Case<'_, Vec<f32>>, column: usize) -> Vec<Finding> {
    let name = &case.contents.names[column];
    let of = |part: Part| values(case.contents, column, part);
    let train = of(Part::Train);
    let Some(trained) = spread(&train) else { return Vec::new() };
    let finding = |part: Part| {
        let measured = of(part);
        let found = spread(&measured)?;
        let is_outside = |value: &&f32| **value < trained.low || **value > trained.high;
        let outside = measured.iter().filter(is_outside).count();
        let share = outside as f64 / measured.len() as f64;
        let is_beyond =
            share > MOST_OUTSIDE && by_chance(train.len(), measured.len(), outside) < SELDOM;
        if !is_beyond && !differ(&train, &measured) {
            return None;
        }
        let part = part.name();
        let (all, middle) = (measured.len(), found.quartiles[1]);
        let Spread { low, high, quartiles: [_, half, _], .. } = trained;
        let what = format!(
            "`{name}` in {part} is {middle} in the middle, from {} to {}; what is trained on is {half} in the middle, from {low} to {high}, and {outside} of {all} in {part} lie outside of that",
            found.low, found.high
        );
        let remedy = "what is measured there is not what is learned: divide them anew, by chance or by groups";
        let about = About { kind: Kind::DifferentRanges, severity: Severity::Warning };
        Some(case.about(about, &[column], what, remedy))
    };
    [Part::Val, Part::Test].into_iter().filter_map(finding).collect()
}

/// How often so many of `measured` numbers lie outside of the range of `trained` ones of the same distribution.
///
/// All orders of both are equally likely; `k` lie outside in `k + 1` ways, so many below and the others above.
fn by_chance(trained: usize, measured: usize, outside: usize) -> f64 {
    let (n, m) = (trained as f64, measured as f64);
    // Of exactly none, one, two and so on, without the number of ways.
    let mut each = n * (n - 1.0) / ((n + m) * (n + m - 1.0));
    let mut fewer = 0.0;
    for count in 0..outside {
        let count = count as f64;
        fewer += (count + 1.0) * each;
        each *= (m - count) / (n + m - count - 2.0);
    }
    1.0 - fewer
}

/// Whether two samples, in order, are hardly of one distribution: the test of Kolmogorov and Smirnov.
fn differ(one: &[f32], other: &[f32]) -> bool {
    let (n, m) = (one.len() as f64, other.len() as f64);
    let share = |values: &[f32], most: f32| {
        values.partition_point(|value| *value <= most) as f64 / values.len() as f64
    };
    let apart = |value: &f32| (share(one, *value) - share(other, *value)).abs();
    let most = one.iter().chain(other).map(apart).fold(0.0, f64::max);
    most > LEAST_APART.max(KOLMOGOROV * ((n + m) / (n * m)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.percentile([1, 2, 4, 8, 16, 32], [25, 50, 75])`.
    #[test]
    fn quartiles_are_numpys() {
        let found = spread(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]).unwrap();
        assert_eq!((found.low, found.quartiles, found.high), (1.0, [2.5, 6.0, 14.0], 32.0));
        assert_eq!(spread(&[3.0]).unwrap().quartiles, [3.0; 3]);
        assert_eq!(spread(&[]), None);
    }

    /// Of three numbers and two there are ten orders: in three of them none of the two is outside, in four one, in three both.
    #[test]
    fn chance_puts_as_many_outside_as_orders_do() {
        for (trained, measured, outside, expected) in [
            (3, 2, 0, 1.0),
            (3, 2, 1, 0.7),
            (3, 2, 2, 0.3),
            (2, 1, 1, 2.0 / 3.0),
            (80, 20, 0, 1.0),
            (1000, 1, 1, 2.0 / 1001.0),
        ] {
            let found = by_chance(trained, measured, outside);
            assert!((found - expected).abs() < 1e-12, "{trained} {measured} {outside}: {found}");
        }
        assert!(by_chance(80, 20, 2) > 0.05 && by_chance(80, 20, 6) < SELDOM);
    }

    /// The largest difference is 0.3 in both rows, which Smirnov's series gives chances of 0.76 and of 0.00025.
    #[test]
    fn distributions_differ_where_chance_does_not_explain_it() {
        for (count, expected) in [(10, false), (100, true)] {
            let even = |from: f32| -> Vec<f32> {
                (0..count).map(|place| from + place as f32 / count as f32).collect()
            };
            assert_eq!(differ(&even(0.0), &even(0.3)), expected, "{count}");
            assert!(!differ(&even(0.0), &even(0.0)));
        }
    }
}
