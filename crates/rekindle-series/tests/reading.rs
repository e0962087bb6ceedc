//! Files of series: what is read, what is found, and what is refused with its rows.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::path::Path;

use rekindle_series::{
    DateForm, Duplicates, Error, Fill, FindingKind, Frequency, ReadConfig, Reading, examine_series,
    read_series,
};
use rekindle_skip::real_data;

fn read(name: &str, text: &str, config: &ReadConfig) -> Result<Reading, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    read_series(&path, config)
}

fn days(values: &[&str]) -> String {
    let row = |(day, value): (usize, &&str)| format!("2024-01-{:02},{value}\n", day + 1);
    format!("date,y\n{}", values.iter().enumerate().map(row).collect::<String>())
}

#[test]
fn every_layout_is_read() {
    let plain = ReadConfig::default();
    let long = "unique_id,ds,y\na,2024-01-01,1\nb,2024-01-01,3\na,2024-02-01,2\nb,2024-02-01,4\n";
    let lines = "{\"unique_id\": \"a\", \"ds\": \"2024-01-01\", \"y\": 1}\n{\"unique_id\": \"a\", \"ds\": \"2024-02-01\", \"y\": 2}\n{\"unique_id\": \"b\", \"ds\": \"2024-01-01\", \"y\": 3}\n{\"unique_id\": \"b\", \"ds\": \"2024-02-01\", \"y\": 4}\n";
    let tsf = "# x\n@relation x\n@attribute series_name string\n@attribute start_timestamp date\n@frequency monthly\n@horizon 3\n@missing false\n@equallength true\n@data\na:2024-01-01 00-00-00:1,2\nb:2024-01-01 00-00-00:3,4\n";
    for (name, text, frequency, time) in [
        ("x.csv", long, Frequency::MONTHLY, "2024-02-01"),
        ("x.jsonl", lines, Frequency::MONTHLY, "2024-02-01"),
        ("x.csv", "Month;a;b\n2024-01;1;3\n2024-02;2;4\n", Frequency::MONTHLY, "2024-02-01"),
        ("x.csv", "id,2024-01,2024-02\na,1,2\nb,3,4\n", Frequency::MONTHLY, "2024-02-01"),
        ("x.csv", "id;2024-01;2024-02\na;1;2\nb;3;4\n", Frequency::MONTHLY, "2024-02-01"),
        ("x.tsv", "id\t2024-01\t2024-02\na\t1\t2\nb\t3\t4\n", Frequency::MONTHLY, "2024-02-01"),
        ("x.tsv", "V1\tV2\tV3\na\t1\t2\nb\t3\t4\n", Frequency::Steps(1), "2"),
        (
            "Hourly-x.csv",
            "\"V1\",\"V2\",\"V3\"\n\"a\",\"1\",\"2\"\n\"b\",\"3\",\"4\"\n",
            Frequency::HOURLY,
            "2",
        ),
        ("x.csv", "V1,V2,V3,V4\na,1,2,\nb,3,4,\n", Frequency::Steps(1), "2"),
        ("x.tsf", tsf, Frequency::MONTHLY, "2024-02-01"),
        // Nothing says how far apart values are.
        ("x.tsf", &tsf.replace("@frequency monthly\n", ""), Frequency::Steps(1), "2"),
        ("x.csv", "unique_id,ds,y\na,1,1\na,2,2\nb,1,3\nb,2,4\n", Frequency::Steps(1), "2"),
        ("x.csv", "series,value\na,1\na,2\nb,3\nb,4\n", Frequency::Steps(1), "2"),
    ] {
        let found = read(name, text, &plain).unwrap_or_else(|error| panic!("{text}: {error}"));
        let panel = found.panel;
        assert_eq!((panel.len(), panel.frequency()), (2, Some(frequency)), "{text}");
        for (place, (id, values)) in [("a", [1.0, 2.0]), ("b", [3.0, 4.0])].into_iter().enumerate()
        {
            let series = panel.series(place);
            assert_eq!((&*series.id, panel.values(place)), (id, &values[..]), "{text}");
            assert_eq!(series.show(1), time, "{text}");
        }
        assert_eq!(found.horizon, name.ends_with("tsf").then_some(3));
        assert!(found.findings.iter().all(|finding| !finding.refused));
    }
}

#[test]
fn what_is_wrong_is_told_with_its_rows_and_mended_only_when_asked() {
    let gap = days(&["1", "2", "3", "4", "5"]).replace("2024-01-03,3\n", "");
    let twice = days(&["1", "2", "3"]) + "2024-01-02,8\n";
    let fill = |fill| ReadConfig { fill, ..ReadConfig::default() };
    let doubled = |duplicates| ReadConfig { duplicates, ..ReadConfig::default() };
    for (text, kind, count, rows, expected, config, mended) in [
        (
            gap.clone(),
            FindingKind::Gaps,
            1,
            vec![3],
            "1 of y after row 3, from 2024-01-03",
            fill(Fill::Linear),
            vec![1.0, 2.0, 3.0, 4.0, 5.0],
        ),
        (
            gap,
            FindingKind::Gaps,
            1,
            vec![3],
            "fill them",
            fill(Fill::Zero),
            vec![1.0, 2.0, 0.0, 4.0, 5.0],
        ),
        (
            days(&["1", "NaN", "", "4"]),
            FindingKind::Missing,
            2,
            vec![3, 4],
            "row 3 of y, row 4 of y",
            fill(Fill::Previous),
            vec![1.0, 1.0, 1.0, 4.0],
        ),
        (
            days(&["", "2", "3"]),
            FindingKind::Missing,
            1,
            vec![2],
            "row 2 of y",
            fill(Fill::Previous),
            vec![2.0, 3.0],
        ),
        (
            twice.clone(),
            FindingKind::Duplicates,
            1,
            vec![5],
            "row 5 (2024-01-02, as row 3)",
            doubled(Duplicates::Last),
            vec![1.0, 8.0, 3.0],
        ),
        (
            twice,
            FindingKind::Duplicates,
            1,
            vec![5],
            "say which counts",
            doubled(Duplicates::Mean),
            vec![1.0, 5.0, 3.0],
        ),
    ] {
        let error = read("x.csv", &text, &ReadConfig::default()).unwrap_err();
        let Error::Findings { findings, .. } = &error else { panic!("{error}") };
        let found = findings.iter().find(|finding| finding.kind == kind).unwrap();
        assert_eq!((found.count, &found.rows, found.refused), (count, &rows, true), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        let reading = read("x.csv", &text, &config).unwrap();
        assert_eq!(reading.panel.values(0), mended, "{text}");
        let told = reading.findings.iter().find(|finding| finding.kind == kind).unwrap();
        assert!(!told.refused && told.count == count);
    }
}

#[test]
fn what_nothing_can_mend_is_refused() {
    let daily: String = (1..9).map(|day| format!("a,2024-01-{day:02},1{day}\n")).collect();
    let monthly: String = (1..9).map(|month| format!("b,2024-{month:02}-01,2{month}\n")).collect();
    for (text, kind, expected) in [
        (
            "date,y\n2024-01-01,1\n02.01.2024,2\n2024-01-03,3\n01/04/2024,4\n2024-01-05,5\n"
                .to_owned(),
            FindingKind::MixedDates,
            "row 3 (`02.01.2024`, day/month/year)",
        ),
        (
            "date,y\n2024-01-01,1\nyesterday,2\n2024-01-03,3\n".to_owned(),
            FindingKind::MixedDates,
            "row 3 (`yesterday`, no date)",
        ),
        (
            "date,y\n01/02/2024,1\n02/02/2024,2\n03/02/2024,3\n".to_owned(),
            FindingKind::AmbiguousDates,
            "row 2 (`01/02/2024`)",
        ),
        (
            "ds,y\n2024-01-01T00:00Z,1\n2024-01-02T00:00+01:00,2\n2024-01-03T00:00Z,3\n".to_owned(),
            FindingKind::MixedZones,
            "row 3 (UTC+01:00)",
        ),
        (
            format!("unique_id,ds,y\n{daily}{monthly}"),
            FindingKind::MixedFrequencies,
            "b is monthly, not daily, from row 10",
        ),
        (
            "id,01/02/2024,02/02/2024\na,1,2\n".to_owned(),
            FindingKind::AmbiguousDates,
            "row 1 (`01/02/2024`)",
        ),
        (
            "id,2024-01-01T00:00Z,2024-01-02T00:00+01:00\na,1,2\n".to_owned(),
            FindingKind::MixedZones,
            "row 1 (UTC+01:00)",
        ),
        (days(&["1", "inf", "3"]), FindingKind::NotNumbers, "row 3 of y"),
        (days(&["1", "many", "3"]), FindingKind::NotNumbers, "row 3 of y"),
        (
            "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03 07:00,3\n2024-01-04,4\n2024-01-05,5\n"
                .to_owned(),
            FindingKind::BetweenSteps,
            "row 4 (2024-01-03 07:00:00)",
        ),
    ] {
        let config = ReadConfig {
            fill: Fill::Linear,
            duplicates: Duplicates::Last,
            ..ReadConfig::default()
        };
        let error = read("x.csv", &text, &config).unwrap_err();
        let Error::Findings { findings, .. } = &error else { panic!("{text}: {error}") };
        assert!(findings.iter().any(|finding| finding.kind == kind), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let dates = Some(DateForm::DayFirst);
    let named = ReadConfig { dates, ..ReadConfig::default() };
    let found =
        read("x.csv", "date,y\n01/02/2024,1\n02/02/2024,2\n03/02/2024,3\n", &named).unwrap();
    assert_eq!(found.panel.series(0).show(3), "2024-02-04");
    let found = read("x.csv", "id,01/02/2024,02/02/2024\na,1,2\n", &named).unwrap();
    assert_eq!(found.panel.series(0).show(2), "2024-02-03");
}

/// What is no number stays none, whatever it is added to.
#[test]
fn doubled_rows_hide_no_row_that_is_wrong() {
    let text = days(&["1", "2", "3"]) + "2024-01-02,many\n";
    for duplicates in [Duplicates::Mean, Duplicates::Sum, Duplicates::Last] {
        let config = ReadConfig { duplicates, ..ReadConfig::default() };
        let error = read("x.csv", &text, &config).unwrap_err();
        assert!(
            error.to_string().contains("1 values are no finite numbers: row 5 of y"),
            "{error}"
        );
    }
}

#[test]
fn what_is_taken_as_it_is_written_is_told() {
    let tsf = "@attribute series_name string\n@attribute start_timestamp date\n@data\na:2024-01-01 00-00-00:1,2\n";
    for (name, text, expected) in [
        (
            "x.csv",
            "month,y\n3-07,1\n3-08,2\n",
            "years: as they are written, such as `3-07` in row 2",
        ),
        ("x.tsf", tsf, "starts are not read, since its head names none; add one"),
    ] {
        let found = read(name, text, &ReadConfig::default()).unwrap();
        let told = |it: &rekindle_series::Finding| it.to_string().contains(expected);
        assert!(found.findings.iter().any(told), "{:?}", found.findings);
    }
}

/// February has neither a 30th nor a 31st: the months behind it do.
#[test]
fn months_keep_their_day() {
    let rows = |id: &str, dates: &[&str]| -> String {
        dates.iter().map(|date| format!("{id},{date},1\n")).collect()
    };
    let ends = rows("ends", &["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]);
    let late = rows("late", &["2023-02-28", "2023-03-30", "2023-04-30", "2023-05-30"]);
    let early = rows("early", &["2024-01-05", "2024-02-05", "2024-03-05", "2024-04-05"]);
    let text = format!("unique_id,ds,y\n{ends}{late}{early}");
    let panel = read("x.csv", &text, &ReadConfig::default()).unwrap().panel;
    assert_eq!(panel.frequency(), Some(Frequency::MONTHLY));
    let next = |place: usize| panel.series(place).show(4);
    assert_eq!([0, 1, 2].map(next), ["2024-05-31", "2023-06-30", "2024-05-05"]);
    let wide = "id,2024-01-31,2024-02-29,2024-03-31\na,,2,3\n";
    let tsf =
        "@attribute start_timestamp date\n@frequency monthly\n@data\n2024-01-31 00-00-00:?,2,3\n";
    let fill = ReadConfig { fill: Fill::Previous, ..ReadConfig::default() };
    for (name, text) in [("x.csv", wide), ("x.tsf", tsf)] {
        let panel = read(name, text, &fill).unwrap().panel;
        let shown = [0, 1, 2].map(|place| panel.series(0).show(place));
        assert_eq!(shown, ["2024-02-29", "2024-03-31", "2024-04-30"], "{text}");
    }
}

#[test]
fn files_that_hold_no_series_are_one_clear_error() {
    for (name, text, expected) in [
        ("x.csv", "", "has no column `y`"),
        (
            "x.csv",
            "date,name\n2024-01-01,a\n",
            "has no column `y` and none of numbers; it names [date, name]",
        ),
        ("x.csv", "date,y\n", "has no rows"),
        ("x.csv", "date,y\nsoon,1\nlater,2\n", "column `date` holds no dates, such as `soon`"),
        ("x.csv", "V1,V2,V3\na,1,x\n", "row 2: value 2 is `x`, no number"),
        ("x.csv", "V1,V2,V3\na,,\n", "row 2: has no value"),
        ("x.csv", "V1,V2,V3\na,1,2\na,1,2\n", "series a: is there twice"),
        ("x.csv", "V1,V2,V3,V4\na,1,,2\n", "1 of a in row 2, the first its value 2"),
        (
            "x.csv",
            "id,2024-01,2024-02,2024-04\na,1,2,3\n",
            "its columns are monthly, but not all of them",
        ),
        (
            "x.csv",
            "# sn,period,type,horizon,n_insample,start,values...\nN1,YEARLY,x,6,14,1975,1,2\n",
            "row 2: has another number of values",
        ),
        (
            "x.csv",
            "# sn,period,type,horizon,n_insample,start,values...\nN1,NEVER,x,6,14,1975,1,2\n",
            "row 2: its period is not known",
        ),
        ("x.tsf", "a:1,2\n", "row 1: stands before `@data`"),
        ("x.tsf", "@frequency fortnightly\n@data\na:1,2\n", "frequency `fortnightly` is not known"),
        ("x.tsf", "@attribute series_name string\n@data\n1,2\n", "row 3: has fewer attributes"),
        (
            "x.tsf",
            "@attribute series_name string\n@data\nT1:1,x\n",
            "row 3: value 2 is `x`, no number",
        ),
        (
            "x.csv",
            "date,y\n31.01.24,1\n01.02.24,2\n",
            "column `date` writes years in two digits, such as `31.01.24`; write four",
        ),
        (
            "x.csv",
            "id;01.02.24;02.02.24\na;1;2\n",
            "its columns have years in two digits, such as `01.02.24`; write four",
        ),
        ("x.csv", "V1,V2,V3\n\"a,1,2\n", "line 2: a quote is opened and never closed"),
        ("x.tsf", "@data\n", "there are none"),
        ("x.png", "x", "is no list"),
    ] {
        let error = read(name, text, &ReadConfig::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(matches!(
        read_series(Path::new("nowhere.tsf"), &ReadConfig::default()),
        Err(Error::Data(rekindle_data::Error::Read { .. }))
    ));
    let missing = ReadConfig { time: Some("when".to_owned()), ..ReadConfig::default() };
    let error = read("x.csv", &days(&["1"]), &missing).unwrap_err().to_string();
    assert!(error.contains("has no column `when`; it names [date, y]"), "{error}");
    // A gap of more points than memory has is told, not filled.
    let far = ReadConfig { fill: Fill::Zero, ..ReadConfig::default() };
    let text = "ds,y\n0,1\n1,1\n2,1\n4000000000,1\n";
    let error = read("x.csv", text, &far).unwrap_err().to_string();
    assert!(error.contains("y at row 4 (more than the limit of 536870912 points)"), "{error}");
    let text = "unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,1\nb,2024-01-01,\n";
    let filled = ReadConfig { fill: Fill::Previous, ..far };
    let error = read("x.csv", text, &filled).unwrap_err().to_string();
    assert!(error.contains("1 series are unusable: b at row 4 (no value)"), "{error}");
}

#[test]
fn what_is_odd_but_no_error_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, "unique_id,ds,y\na,2024-01-02,1\na,2024-01-01,1\nb,2024-01-01,5\n")
        .unwrap();
    let found = examine_series(&path, &ReadConfig::default()).unwrap();
    for (kind, rows) in [
        (FindingKind::Unsorted, vec![3]),
        (FindingKind::Constant, vec![3]),
        (FindingKind::OnePoint, vec![4]),
    ] {
        let finding = found.findings.iter().find(|finding| finding.kind == kind).unwrap();
        assert_eq!((&finding.rows, finding.refused), (&rows, false), "{finding}");
    }
    let panel = found.panel.unwrap();
    assert_eq!(
        (panel.series(0).show(0), panel.values(0)),
        ("2024-01-01".to_owned(), &[1.0, 1.0][..])
    );
}

#[test]
fn real_files_are_read() {
    let Some(data) = real_data() else { return };
    let daily = Frequency::DAILY;
    for (name, series, points, frequency, end) in [
        ("airline-passengers.csv", 1, 144, Frequency::MONTHLY, "1960-12-01"),
        ("monthly-sunspots.csv", 1, 2820, Frequency::MONTHLY, "1983-12-01"),
        ("shampoo.csv", 1, 36, Frequency::MONTHLY, "0003-12-01"),
        ("ett/ETTh1.csv", 7, 17_420, Frequency::HOURLY, "2018-06-26 19:00:00"),
        ("BTC_USD_2013-10-01_2021-05-18-CoinDesk.csv", 4, 2787, daily, "2021-05-18"),
    ] {
        let found = read_series(&data.join("series").join(name), &ReadConfig::default());
        let panel = found.unwrap_or_else(|error| panic!("{name}: {error}")).panel;
        assert_eq!((panel.len(), panel.lengths()), (series, (points, points)), "{name}");
        assert_eq!(panel.frequency(), Some(frequency), "{name}");
        assert_eq!(panel.series(0).show(points - 1), end, "{name}");
    }
    // The 31st of December of two leap years is missing.
    let path = data.join("series/daily-min-temperatures.csv");
    let error = read_series(&path, &ReadConfig::default()).unwrap_err().to_string();
    assert!(error.contains("2 steps have no row"), "{error}");
    let filled = ReadConfig { fill: Fill::Linear, ..ReadConfig::default() };
    assert_eq!(read_series(&path, &filled).unwrap().panel.points(), 3652);
}
