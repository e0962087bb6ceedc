//! What stands beside values, from a list to the numbers that networks see.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::{fs, path::PathBuf};

use rekindle_series::{
    Affine, CalendarFeature, Columns, FeatureCounts, Features, FixedColumn, Panel, ReadConfig,
    Reading, ScaledColumn, read_known_ahead, read_series,
};

fn columns() -> Columns {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Columns {
        past: names(&["rain"]),
        known: names(&["price"]),
        fixed: names(&["town", "size"]),
        calendar: Vec::new(),
    }
}

/// Two series of days, of which two rows ahead are known of the first and one of the second.
const ROWS: &str = "unique_id,ds,y,price,rain,town,size
a,2024-01-01,10,1,5,Ulm,2
a,2024-01-02,11,2,,Ulm,2
a,2024-01-03,12,3,7,,2
a,2024-01-04,,4,,Ulm,2
a,2024-01-05,,5,,Ulm,2
b,2024-01-01,20,1,1,Bonn,4
b,2024-01-02,21,0,2,Bonn,4
b,2024-01-03,,9,3,Bonn,4
b,2024-01-05,,9,3,Bonn,4
";

fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn read(text: &str) -> Result<Reading, String> {
    let folder = tempfile::tempdir().unwrap();
    let config = ReadConfig { covariates: columns(), ..ReadConfig::default() };
    read_series(&write(&folder, "x.csv", text), &config).map_err(|error| error.to_string())
}

/// A row beside a window that sees two values and two steps ahead.
fn row(features: &Features, panel: &Panel, series: usize, at: usize) -> Result<Vec<f32>, String> {
    let rows = features.of(panel).map_err(|error| error.to_string())?;
    let origin = panel.origin(series, at);
    rows.check(&origin, 2).map_err(|error| error.to_string())?;
    let mut row = vec![f32::NAN; features.counts().numbers(2, 2)];
    rows.write(&origin, [2, 2], &mut row);
    Ok(row)
}

fn plain(name: &str) -> ScaledColumn {
    ScaledColumn { name: name.to_owned(), scale: Affine::PLAIN }
}

/// Without scales, and in another order than the file's.
fn features() -> Features {
    let categories = ["Bonn", "Ulm"].map(str::to_owned).to_vec();
    let town = FixedColumn::Category { name: "town".to_owned(), categories };
    Features {
        past: vec![plain("rain")],
        known: vec![plain("price")],
        calendar: Vec::new(),
        fixed: vec![FixedColumn::Number(plain("size")), town],
    }
}

#[test]
fn a_window_sees_what_is_known_where_it_stands() {
    let found = read(ROWS).unwrap();
    let panel = &found.panel;
    assert_eq!((panel.values(0), panel.values(1)), (&[10.0, 11.0, 12.0][..], &[20.0, 21.0][..]));
    let told: Vec<&str> = found.findings.iter().map(|it| &*it.text).collect();
    for expected in [
        "beside them rain, price, town, size",
        "4 rows behind the last values say what is known ahead",
        "1 values beside those of series are missing: 1 of a (`rain`), the first at row 3; filled with the value before",
    ] {
        assert!(told.iter().any(|text| text.contains(expected)), "no `{expected}` in {told:?}");
    }
    let features = features();
    assert_eq!(features.counts(), FeatureCounts { past: 1, known: 1, fixed: 3 });
    // Rain of two days, prices of those and of two days ahead, the size and the town.
    assert_eq!(row(&features, panel, 0, 3).unwrap(), [5.0, 7.0, 2.0, 3.0, 4.0, 5.0, 2.0, 0.0, 1.0]);
    assert_eq!(row(&features, panel, 0, 2).unwrap(), [5.0, 5.0, 1.0, 2.0, 3.0, 4.0, 2.0, 0.0, 1.0]);
    // Zero before the series begins, or before what a view shows of it.
    assert_eq!(row(&features, panel, 0, 1).unwrap(), [0.0, 5.0, 0.0, 1.0, 2.0, 3.0, 2.0, 0.0, 1.0]);
    let late = panel.select(&[0]).last(1).unwrap();
    assert_eq!(row(&features, &late, 0, 1).unwrap(), [0.0, 7.0, 0.0, 3.0, 4.0, 5.0, 2.0, 0.0, 1.0]);
    // Behind a day that is missing nothing is known.
    let error = row(&features, panel, 1, 2).unwrap_err();
    assert!(error.contains("series b: `price` is not known at 2024-01-04"), "{error}");
    assert!(row(&features, panel, 1, 1).is_ok());
    assert!(row(&features, &panel.up_to(|_| 1), 0, 1).is_ok());
}

#[test]
fn scales_and_categories_are_of_what_is_trained_on() {
    let panel = read(ROWS).unwrap().panel;
    let fitted = Features::fit(&panel.up_to(|_| 2));
    // Prices 1, 2, 1, 0, whatever follows; rain 5, 5, 1, 2; sizes 2, 4.
    let scale = |shift, scale| Affine { shift, scale };
    assert_eq!(fitted.known[0].scale, scale(1.0, 0.5_f64.sqrt()));
    assert_eq!(fitted.past[0].scale.shift, 3.25);
    let [FixedColumn::Category { categories, .. }, FixedColumn::Number(size)] = &fitted.fixed[..]
    else {
        panic!("{fitted:?}")
    };
    assert_eq!(
        (&categories[..], size.scale),
        (&["Bonn".to_owned(), "Ulm".to_owned()][..], scale(3.0, 1.0))
    );
    // Of a town that nothing was learned of all are 0, which is told.
    let other = read(&ROWS.replace("Ulm", "Rom")).unwrap().panel;
    let rows = features().of(&other).unwrap();
    assert_eq!(rows.unknown(), ["a (`town` is `Rom`)"]);
    assert_eq!(row(&features(), &other, 0, 2).unwrap()[6..], [2.0, 0.0, 0.0]);
    fitted.check().unwrap();
    let mut wrong = fitted.clone();
    wrong.past[0].scale.scale = 0.0;
    assert!(wrong.check().unwrap_err().to_string().contains("`rain` is scaled by"));
}

#[test]
fn a_file_says_what_is_known_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let config = ReadConfig { covariates: columns(), ..ReadConfig::default() };
    let history: String = ROWS
        .lines()
        .filter(|line| line.contains(",y,") || !line.contains("-04,") && !line.contains("-05,"))
        .map(|line| format!("{line}\n"))
        .collect();
    let path = write(&folder, "x.csv", &history.replace("b,2024-01-03,,9,3,Bonn,4\n", ""));
    let panel = read_series(&path, &config).unwrap().panel;
    assert!(
        row(&features(), &panel, 0, 3).unwrap_err().contains("`price` is not known at 2024-01-04")
    );
    // In any order, with days that are known already.
    let ahead =
        "ds,unique_id,price\n2024-01-05,a,8\n2024-01-04,a,7\n2024-01-03,a,99\n2024-01-03,b,6\n";
    let path = write(&folder, "ahead.csv", ahead);
    let (known, findings) = read_known_ahead(&path, &config, &panel).unwrap();
    assert!(findings.iter().any(|it| it.text == "known ahead: of 2 of 2 series"), "{findings:?}");
    assert_eq!(row(&features(), &known, 0, 3).unwrap()[2..6], [2.0, 3.0, 7.0, 8.0]);
    assert_eq!(known.values(0), panel.values(0));
    assert!(
        row(&features(), &known, 1, 2)
            .unwrap_err()
            .contains("series b: `price` is not known at 2024-01-04")
    );
    for (text, expected) in [
        ("unique_id,ds\na,2024-01-04\n", "has no column `price`"),
        ("unique_id,price\na,4\n", "has no column `ds`"),
        ("unique_id,ds,price\na,2024-01-04,dear\n", "row 2 of a (`price`)"),
        ("unique_id,ds,price\na,2024-01-04,1\na,2024-01-04,2\n", "row 3 (2024-01-04, as row 2)"),
    ] {
        let path = write(&folder, "wrong.csv", text);
        let error = read_known_ahead(&path, &config, &panel).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_cannot_stand_beside_values_is_named() {
    for (from, to, expected) in [
        ("a,2024-01-01,10,1,5", "a,2024-01-01,10,1,", "a at row 2 (no `rain`, and none before)"),
        ("a,2024-01-01,10,1,", "a,2024-01-01,10,cheap,", "row 2 of a (`price`)"),
        ("21,0,2,Bonn", "21,0,2,Berlin", "b at row 8 (`town` is `Berlin`, but `Bonn` in row 7)"),
        ("Ulm", "", "a at row 2 (no `town`)"),
        (",rain,", ",wind,", "has no column `rain`"),
    ] {
        let error = read(&ROWS.replace(from, to)).unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let twice = Columns { past: vec!["price".to_owned()], ..columns() };
    let y = Columns { past: vec!["Y".to_owned()], ..Columns::default() };
    for (covariates, expected) in
        [(twice, "column `price` is read as something else too"), (y, "column `Y` is read as")]
    {
        let config = ReadConfig { covariates, ..ReadConfig::default() };
        let error = read_series(&write(&folder, "x.csv", ROWS), &config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let config = ReadConfig { covariates: columns(), ..ReadConfig::default() };
    for (name, text) in [("x.tsf", "@data\n"), ("wide.csv", "V1,V2,V3\na,1,2\n")] {
        let error = read_series(&write(&folder, name, text), &config).unwrap_err().to_string();
        assert!(error.contains("has no column `rain`"), "{name}: {error}");
    }
    let panel = read(ROWS).unwrap().panel;
    let mut more = features();
    more.known.push(plain("wind"));
    more.calendar.push(CalendarFeature::DayOfWeek);
    let error = more.of(&panel).unwrap_err().to_string();
    assert!(error.contains("sees `wind` (known), `day of week` (calendar), which"), "{error}");
    let words = read(&ROWS.replace(",4\n", ",big\n")).unwrap().panel;
    let error = features().of(&words).unwrap_err().to_string();
    assert!(error.contains("series b: `size` is `big`, not a number"), "{error}");
}

/// Rows without dates: those without a value come next.
#[test]
fn rows_in_the_order_of_time_need_no_dates() {
    let folder = tempfile::tempdir().unwrap();
    let known = |name: &str| Columns { known: vec![name.to_owned()], ..Columns::default() };
    let config = ReadConfig { covariates: known("price"), ..ReadConfig::default() };
    let path = write(&folder, "x.csv", "y,price\n,1\n5,2\n6,3\n,4\n");
    let error = read_series(&path, &config).unwrap_err().to_string();
    assert!(error.contains("1 values are missing: row 2"), "{error}");
    let path = write(&folder, "x.csv", "y,price\n5,2\n6,3\n,4\n");
    let panel = read_series(&path, &config).unwrap().panel;
    let features = Features { known: vec![plain("price")], ..Features::default() };
    let error = row(&features, &panel, 0, 2).unwrap_err();
    assert!(error.contains("series y: `price` is not known at 4"), "{error}");
    let more = write(&folder, "more.csv", "price\n77\n5\n");
    let (panel, _) = read_known_ahead(&more, &config, &panel).unwrap();
    // The first row of the file is of the step that the other one has said something of already.
    assert_eq!(row(&features, &panel, 0, 2).unwrap(), [2.0, 3.0, 4.0, 5.0]);
    assert!(panel.with_calendar(2).unwrap_err().to_string().contains("series y: has no dates"));
}

#[test]
fn the_calendar_is_known_as_far_as_it_is_asked() {
    let panel = read(ROWS).unwrap().panel.with_calendar(2).unwrap();
    let calendar =
        [CalendarFeature::DayOfWeek, CalendarFeature::DayOfMonth, CalendarFeature::DayOfYear];
    assert_eq!(panel.columns().calendar, calendar);
    let fitted = Features::fit(&panel);
    let only = Features { calendar: fitted.calendar, ..Features::default() };
    // A Tuesday to a Friday of the first days of the year, as they are.
    let found = row(&only, &panel, 0, 3).unwrap();
    for (step, found) in found.chunks(3).enumerate() {
        let step = step as f32;
        let expected = [(1.0 + step) / 6.0, (1.0 + step) / 30.0, (1.0 + step) / 365.0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found + 0.5 - expected).abs() < 1e-6, "{step}: {found} {expected}");
        }
    }
    let late = panel.select(&[0]).last(2).unwrap();
    assert_eq!(row(&only, &late, 0, 2).unwrap(), found);
    // As far as it was asked, and no further.
    let long = Features::fit(&panel).calendar;
    let rows = Features { calendar: long, ..Features::default() }.of(&panel).unwrap();
    let error = rows.check(&panel.origin(1, 2), 3).unwrap_err().to_string();
    assert!(error.contains("series b: `day of week` is not known at 2024-01-05"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "x.csv", "ds,y\n2020-01-01,1\n2021-01-01,2\n2022-01-01,3\n");
    let yearly = read_series(&path, &ReadConfig::default()).unwrap().panel;
    let error = yearly.with_calendar(1).unwrap_err().to_string();
    assert!(error.contains("calendar: says nothing of series that are yearly"), "{error}");
}
