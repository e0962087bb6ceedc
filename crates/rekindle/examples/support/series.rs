//! What the examples of series share: the series, the parts that they are divided into, and a row of a table.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use rekindle::{
    data::Random,
    report::chart::{Area, LineChart, Series as Line, line_chart},
    series::{
        Case, Columns, Covariates, Difference, Evaluation, Frequency, Panel, PanelBuilder,
        ReadConfig, Series, Verdict, block_of, read_series, rolling_cases,
    },
};

/// A series, and how many of its last values are to test on.
pub(crate) struct Data {
    pub(crate) panel: Panel,
    pub(crate) test: usize,
    /// Whether it is the course's, whose numbers then stand beside.
    pub(crate) is_course: bool,
}

/// The days that the course tests on.
const TEST: usize = 557;

impl Data {
    /// Bitcoin's daily closing price, as the course has it.
    pub(crate) fn bitcoin(file: &Path) -> Result<Self> {
        let values = vec!["Closing Price (USD)".to_owned()];
        let config =
            ReadConfig { id: Some("Currency".to_owned()), values, ..ReadConfig::default() };
        Ok(Self { panel: read_series(file, &config)?.panel, test: TEST, is_course: true })
    }

    /// A trend, a week and some noise; or a walk, whose next step nothing before it tells.
    pub(crate) fn made(name: &str) -> Result<Self> {
        let (mut random, mut level) = (Random::new(7, 0, 0), 100.0);
        let mut value = |day: u32| {
            level += random.normal();
            let week = 10.0 * (std::f64::consts::TAU * f64::from(day) / 7.0).sin();
            let wave = 50.0 + 0.05 * f64::from(day) + week + random.normal();
            if name == "wave" { wave } else { level }
        };
        let series = Series { id: name.into(), start: None, frequency: Frequency::DAILY };
        let values: Vec<f64> = (0..500).map(&mut value).collect();
        Ok(Self { panel: Panel::new([(series, values)])?, test: 100, is_course: false })
    }

    /// What is before the test part: to learn from, and at its end to choose by.
    pub(crate) fn seen(&self) -> Panel {
        self.panel.up_to(|series| self.panel.values(series).len() - self.test)
    }

    /// A forecast from every day on whose horizon lies in the test part.
    pub(crate) fn cases(&self, horizon: usize) -> Result<Vec<Case<'_>>> {
        Ok(rolling_cases(&self.panel, horizon, self.test + 1 - horizon, 1)?)
    }

    /// A table's head.
    pub(crate) fn head(&self) {
        let (way, mae, mase, naive) = ("way", "MAE", "MASE", "of naive");
        let (change, course) = ("less naive's, 95%", if self.is_course { "course" } else { "" });
        println!("\n{}, {} days to test on", self.panel.series(0).id, self.test);
        println!("{way:<22} {mae:>9} {mase:>7} {naive:>9} {change:>20} {:>8}  {course}", "seconds");
    }

    /// A row: the mean over seeds, and how it differs from what repeats the last value; `course` is the error there.
    pub(crate) fn row(
        &self,
        name: &str,
        found: &[Evaluation],
        naive: &Evaluation,
        course: &str,
    ) -> Row {
        let mean = |of: &dyn Fn(&Evaluation) -> f64| {
            found.iter().map(of).sum::<f64>() / found.len().max(1) as f64
        };
        let errors = |case: usize| mean(&|it| it.of_cases[case].mae);
        let errors: Vec<f64> = (0..naive.of_cases.len()).map(errors).collect();
        let base: Vec<f64> = naive.of_cases.iter().map(|score| score.mae).collect();
        // Errors of windows that overlap are drawn together.
        let block = block_of(errors.len()).max(naive.of_steps.len());
        let Difference { estimate, verdict, .. } = Difference::of(&errors, &base, block);
        let mae = mean(&|it| it.mean.mae);
        let of_naive = mae / naive.mean.mae;
        println!(
            "{name:<22} {mae:>9.2} {:>7.3} {of_naive:>9.4} {:>20} {:>8.1}  {}",
            mean(&|it| it.mean.mase),
            format!("{:+.2} to {:+.2}", estimate.low, estimate.high),
            mean(&|it| it.seconds),
            if self.is_course { course } else { "" },
        );
        Row { name: name.to_owned(), mae, of_naive, verdict }
    }
}

/// How a way does.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) mae: f64,
    /// Its error over that of repeating the last value.
    pub(crate) of_naive: f64,
    pub(crate) verdict: Verdict,
}

/// A line's name and its points.
pub(crate) type Points<'a> = (&'a str, Vec<(f64, f64)>);

/// Writes lines over the days of a series, with areas behind them, as SVG.
pub(crate) fn draw(
    path: &Path,
    title: &str,
    series: &Series,
    lines: &[Points<'_>],
    mut areas: Vec<Area>,
) -> Result<()> {
    let days = lines.iter().flat_map(|line| line.1.iter().map(|point| point.0));
    let (first, last) =
        days.fold((f64::MAX, 0.0), |(low, high): (f64, f64), day| (low.min(day), high.max(day)));
    let names = (first as usize..=last as usize).map(|day| series.show(day)).collect();
    areas.iter_mut().flat_map(|area| &mut area.points).for_each(|point| point.0 -= first);
    let line = |(style, (name, points)): (usize, &Points<'_>)| Line {
        name: (*name).to_owned(),
        points: points.iter().map(|(day, value)| (day - first, *value)).collect(),
        style,
    };
    let series = lines.iter().enumerate().map(line).collect();
    let (title, width, height) = (title.to_owned(), 800.0, 420.0);
    let chart = LineChart { title, width, height, names, series, areas, ..LineChart::default() };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, line_chart(&chart)).with_context(|| path.display().to_string())?;
    println!("{}", path.display());
    Ok(())
}

/// The same with what a block earned who mined it, which is known long before.
pub(crate) fn with_block_reward(panel: &Panel) -> Result<Panel> {
    let known = vec!["block reward".to_owned()];
    let mut builder = PanelBuilder::with_columns(Columns { known, ..Columns::default() });
    for (series, values) in panel.iter() {
        let reward = |day: usize| match series.time(day).date() {
            date if date < [2016, 7, 9] => 25.0,
            date if date < [2020, 5, 11] => 12.5,
            _ => 6.25,
        };
        let tracks = vec![(0..values.len() + 30).map(reward).collect()];
        builder.push_beside(
            series.clone(),
            values.to_vec(),
            Covariates { tracks, fixed: Vec::new() },
        )?;
    }
    Ok(builder.build()?)
}
