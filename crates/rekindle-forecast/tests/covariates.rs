//! What stands beside values helps where it is known, never where it is not, and is saved with the model.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop")]

use burn::prelude::*;
use rekindle_data::Random;
use rekindle_finetune::Start;
use rekindle_forecast::{BEST, Error, Family, Forecaster, TrainConfig, train};
use rekindle_series::{
    Columns, Covariates, Evaluation, ForecastConfig, Panel, PanelBuilder, Quantiles, ReadConfig,
    Series, Timestamp, read_series, rolling_cases,
};

mod support;

use support::{After, alone, learn};

const HORIZON: usize = 4;
const POINTS: usize = 150;

/// What noise is called as a column.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Nothing,
    Past,
    Known,
}

/// Hours of noise that nothing before them says anything of, and beside them the same noise; each series with a height of its
/// own, and a word for it.
fn panel(kind: Kind) -> Panel {
    let mut columns = Columns::default();
    match kind {
        Kind::Nothing => {}
        Kind::Past => columns.past.push("noise".to_owned()),
        Kind::Known => columns.known.push("noise".to_owned()),
    }
    let of_whole_series = kind != Kind::Nothing;
    if of_whole_series {
        columns.fixed.push("height".to_owned());
    }
    let mut builder = PanelBuilder::with_columns(columns);
    for number in 0..8_u64 {
        let mut random = Random::new(7, number, 0);
        let noise: Vec<f64> = (0..POINTS + HORIZON).map(|_| random.normal()).collect();
        let height = 10.0 * (1 + number % 3) as f64;
        let values = noise[..POINTS].iter().map(|noise| 100.0 + height * noise);
        let series = Series {
            id: format!("s{number}").into(),
            start: Some(Timestamp::of_date(2024, 1, 1)),
            frequency: rekindle_series::Frequency::HOURLY,
        };
        let tracks = match kind {
            Kind::Nothing => Vec::new(),
            Kind::Past => vec![noise[..POINTS].to_vec()],
            Kind::Known => vec![noise.clone()],
        };
        let fixed = of_whole_series.then(|| format!("by {height}")).into_iter().collect();
        builder.push_beside(series, values, Covariates { tracks, fixed }).unwrap();
    }
    builder.build().unwrap()
}

fn ask() -> ForecastConfig {
    ForecastConfig::new(HORIZON, 1, Quantiles::of_levels(&[0.8]).unwrap()).unwrap()
}

fn small(family: Family, panel: &Panel) -> TrainConfig {
    let mut config = TrainConfig::usual(family, panel, &ask());
    config.see(12);
    config.model.network.width = 32;
    config.model.network.blocks = config.model.network.blocks.min(2);
    config.batch = 64;
    config.steps = 250;
    config.lr = 5e-3;
    config
}

/// The mean absolute error on the last horizons, of which nothing was learned.
fn error(family: Family, kind: Kind) -> f64 {
    let whole = panel(kind);
    let known = whole.without_last(5 * HORIZON).unwrap();
    let trained = learn(&known, &small(family, &known), None);
    let cases = rolling_cases(&whole, HORIZON, 5, HORIZON).unwrap();
    let origins: Vec<_> = cases.iter().map(|case| case.origin).collect();
    let forecasts = trained.forecaster.forecast(&origins, &ask()).unwrap();
    Evaluation::of_forecasts(&forecasts, &cases, &ask(), 0.8).mean.mae
}

/// The column is the very values that are to be said: who sees it ahead says them, who sees it up to now says no more than who
/// does not.
#[test]
fn what_is_known_ahead_helps_and_what_is_not_known_does_not() {
    let _alone = alone();
    let families = Family::ALL.into_iter().filter(|family| family.sees_covariates());
    let found: Vec<(&str, [f64; 3])> = families
        .map(|family| {
            let kinds = [Kind::Nothing, Kind::Past, Kind::Known];
            (family.name(), kinds.map(|kind| error(family, kind)))
        })
        .collect();
    for (name, [nothing, past, known]) in &found {
        assert!(*known < 0.5 * nothing, "{name}: {found:?}");
        assert!(*past > 0.85 * nothing, "{name}: {found:?}");
    }
}

/// What lies behind a place changes nothing there, but for what is known ahead.
#[test]
fn nothing_behind_a_place_is_seen_of_the_past() {
    let _alone = alone();
    let first = panel(Kind::Past);
    for family in [Family::NHits, Family::Gru, Family::Dense] {
        let mut config = small(family, &first);
        config.steps = 20;
        let trained = learn(&first, &config, None).forecaster;
        let at = POINTS - 2 * HORIZON;
        let said = |panel: &Panel| trained.forecast(&[panel.origin(0, at)], &ask()).unwrap();
        assert_eq!(said(&first), said(&first.up_to(|_| at)), "{}", family.name());
        assert_ne!(said(&first), trained.forecast(&[first.origin(1, at)], &ask()).unwrap());
    }
}

#[test]
fn what_sees_values_alone_does_so_beside_columns() {
    let _alone = alone();
    let [plain, beside] = [Kind::Nothing, Kind::Known].map(panel);
    let said = |panel: &Panel| {
        let trained = learn(panel, &small(Family::NLinear, panel), None);
        trained.forecaster.forecast(&panel.ends(), &ask()).unwrap()
    };
    assert_eq!(said(&plain), said(&beside));
}

#[test]
fn columns_are_saved_with_the_model_and_found_again() {
    let _alone = alone();
    let first = panel(Kind::Known).with_calendar(HORIZON).unwrap();
    for family in [Family::Conv1d, Family::NBeatsInterpretable] {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainConfig { steps: 20, ..small(family, &first) };
        let trained = learn(&first, &config, Some((folder.path(), Start::Fresh))).forecaster;
        let read = Forecaster::open(&folder.path().join(BEST), &Device::flex()).unwrap();
        assert_eq!(read.config(), trained.config());
        let features = &read.config().features;
        assert_eq!(
            (features.known.len(), features.calendar.len(), features.fixed.len()),
            (1, 4, 1)
        );
        let said = |model: &Forecaster, panel: &Panel| model.forecast(&panel.ends(), &ask());
        let expected = said(&trained, &first).unwrap();
        assert_eq!(said(&read, &first).unwrap(), expected);
        // A view of some of the series, whose last one is the first.
        let view = first.select(&[3, 0]);
        assert_eq!(said(&read, &view).unwrap()[1], expected[0]);
        let lacking = said(&read, &panel(Kind::Nothing)).unwrap_err().to_string();
        for name in ["`noise` (known)", "`hour of day` (calendar)", "`height` (static)"] {
            assert!(lacking.contains(name), "{lacking}");
        }
        let further = TrainConfig { steps: 5, ..TrainConfig::further(config.model, &first) };
        let device = Device::flex().autodiff();
        train(&first, &further, Some(&read), &device, None, &mut []).unwrap();
        let other = panel(Kind::Past);
        let error = train(&other, &further, Some(&read), &device, None, &mut []).unwrap_err();
        assert!(matches!(error, Error::Series(_)), "{error}");
    }
    let mut wrong = small(Family::NHits, &first);
    wrong.model.network.features.known = 1;
    let error = wrong.model.check().unwrap_err().to_string();
    assert!(error.contains("beside values"), "{error}");
}

#[test]
fn what_is_not_known_ahead_is_named() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let mut text = "unique_id,ds,y,price\n".to_owned();
    for day in 1..=28 {
        text += &format!("a,2024-02-{day:02},{},{}\n", day * 37 % 11, day % 3);
    }
    std::fs::write(&path, text).unwrap();
    let covariates = Columns { known: vec!["price".to_owned()], ..Columns::default() };
    let config = ReadConfig { covariates, ..ReadConfig::default() };
    let panel = read_series(&path, &config).unwrap().panel;
    let mut config = small(Family::Dense, &panel);
    config.steps = 5;
    let trained = learn(&panel, &config, None).forecaster;
    let error = trained.forecast(&panel.ends(), &ask()).unwrap_err().to_string();
    assert!(error.contains("series a: `price` is not known at 2024-02-29"), "{error}");
    trained.forecast(&[panel.origin(0, 24)], &ask()).unwrap();
}

#[test]
fn a_run_goes_on_to_the_same_bits_on_any_number_of_threads() {
    let _alone = alone();
    let first = panel(Kind::Known).with_calendar(HORIZON).unwrap();
    for family in [Family::NHits, Family::Lstm] {
        let config = TrainConfig { steps: 60, ..small(family, &first) };
        let whole = tempfile::tempdir().unwrap();
        let expected = learn(&first, &config, Some((whole.path(), Start::Fresh)));
        let cut = tempfile::tempdir().unwrap();
        let run = Some((cut.path(), Start::Fresh));
        let device = Device::flex().autodiff();
        train(&first, &config, None, &device, run, &mut [&mut After(2)]).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let resumed = pool.install(|| learn(&first, &config, Some((cut.path(), Start::Resume))));
        assert!(resumed.history.len() > 3);
        let said = |forecaster: &Forecaster| forecaster.forecast(&first.ends(), &ask()).unwrap();
        assert_eq!(said(&resumed.forecaster), said(&expected.forecaster), "{family:?}");
    }
}
