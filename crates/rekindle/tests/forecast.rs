//! `rekindle forecast` from a file to forecasts, whatever the layout, and refused in a line where it cannot.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// Runs it with more arguments than the file and the folder.
fn forecast(data: &Path, out: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    command.arg("forecast").arg("--data").arg(data).arg("--out").arg(out).args(arguments);
    command.output().unwrap()
}

/// What it says on standard error, which no panic is among.
fn said(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// The object that ends a run.
fn summary(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_str(String::from_utf8_lossy(&output.stdout).lines().last().unwrap()).unwrap()
}

/// Two series of months, five years long: a wave of a year, one upon a trend.
fn months() -> String {
    let mut text = "unique_id,ds,y\n".to_owned();
    for (id, trend) in [("flat", 0.0), ("=rising", 1.5)] {
        for month in 0..60 {
            let wave = (f64::from(month) * std::f64::consts::TAU / 12.0).sin();
            let noise = f64::from(month * 7919 % 13) / 13.0;
            let value = 100.0 + 20.0 * wave + trend * f64::from(month) + noise;
            text += &format!("{id},{}-{:02}-01,{value}\n", 2019 + month / 12, month % 12 + 1);
        }
    }
    text
}

#[test]
fn a_run_measures_and_writes_forecasts() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("x.csv"), folder.path().join("run"));
    fs::write(&data, months()).unwrap();
    let output = forecast(&data, &out, &["--horizon", "6", "--steps", "40", "--json"]);
    let found = summary(&output);
    assert_eq!(
        (&found["series"], &found["horizon"], &found["season"]),
        (&2.into(), &6.into(), &12.into())
    );
    let models = found["models"].as_object().unwrap();
    assert_eq!(models.len(), 10);
    for (name, scores) in models {
        for metric in ["smape", "mase", "owa", "msis", "mae", "seconds"] {
            assert!(
                scores[metric].as_f64().is_some_and(|value| value >= 0.0),
                "{name} {metric}: {scores}"
            );
        }
    }
    let mase = |name: &str| models[name]["mase"].as_f64().unwrap();
    let best = found["best"].as_str().unwrap();
    // A network is the best only where an interval says so.
    let networks = ["nlinear", "nbeats", "combined"];
    let better = |name: &&String| networks.contains(&name.as_str()) || mase(name) >= mase(best);
    assert!(models.keys().all(|name| better(&name)), "{found}");
    assert!(networks.contains(&found["learned"]["model"].as_str().unwrap()), "{found}");
    assert!(mase(best) < mase("naive") / 3.0, "{found}");
    assert!(said(&output).contains("frequency: monthly"));

    let text = fs::read_to_string(out.join("forecasts.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows[0],
        ["unique_id", "ds", "model", "mean", "0.025", "0.1", "0.5", "0.9", "0.975"]
    );
    assert_eq!(rows.len(), 1 + 10 * 2 * 6);
    // No spreadsheet computes the name.
    assert_eq!(
        (rows[1][..3].to_vec(), rows[7][0]),
        (vec!["flat", "2024-01-01", "naive"], "'=rising")
    );
    // Of theta, ets and both networks the median is the mean of those in the middle.
    let of = |model: &str| -> f64 {
        let row = rows.iter().find(|row| row[..3] == ["flat", "2024-03-01", model]).unwrap();
        row[3].parse().unwrap()
    };
    let mut all = ["theta", "ets", "nlinear", "nbeats"].map(of);
    all.sort_by(f64::total_cmp);
    assert!((of("combined") - (all[1] + all[2]) / 2.0).abs() < 1e-9);
    for row in &rows[1..] {
        let numbers: Vec<f64> = row[3..].iter().map(|cell| cell.parse().unwrap()).collect();
        assert!(numbers[1..].windows(2).all(|pair| pair[0] <= pair[1]), "{row:?}");
    }
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    for part in [
        "<title>Forecasts of x.csv</title>",
        &format!("The best of 10 models is <strong>{best}</strong>"),
        // A chart of each series: what is known, what it was measured on, what comes next.
        "aria-label=\"=rising: known from",
        "aria-label=\"flat: known from",
        "<title>2023-07-01\n",
        "<title>2024-06-01\n",
        "95% interval",
        "aria-label=\"MASE by step ahead: naive from",
        "aria-label=\"nbeats: flat: stack0 from",
        "; stack5 from",
        "aria-label=\"Loss of nbeats by epoch: training from",
    ] {
        assert!(page.contains(part), "no `{part}`");
    }
    for name in models.keys() {
        assert!(page.contains(&format!("<th scope=\"row\">{name}<")), "no {name}");
    }
    // Lines for people, and the same forecasts.
    let output = forecast(&data, &out, &["--horizon", "6", "--model", "theta", "naive"]);
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    for part in [
        "2 series of 60 to 60 points, monthly",
        "season: 12",
        "by backtest on 6 windows",
        "best: theta",
    ] {
        assert!(lines.contains(part), "no `{part}` in\n{lines}{}", said(&output));
    }
    let again = fs::read_to_string(out.join("forecasts.csv")).unwrap();
    assert!(again.lines().skip(1).all(|line| text.lines().any(|other| other == line)));
}

#[test]
fn what_followed_is_measured_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let [train, test] = ["Hourly-train.csv", "Hourly-test.csv"].map(at);
    let row = |from: usize, to: usize| {
        let values: Vec<String> = (from..to).map(|at| format!("\"{}\"", 50 + at % 24)).collect();
        let names: Vec<String> = (1..=values.len() + 1).map(|at| format!("\"V{at}\"")).collect();
        format!("{}\n\"H1\",{}\n", names.join(","), values.join(","))
    };
    fs::write(&train, row(0, 240)).unwrap();
    fs::write(&test, row(240, 264)).unwrap();
    let arguments = [
        "--horizon",
        "24",
        "--json",
        "--steps",
        "9",
        "--test",
        test.to_str().unwrap(),
        "--level",
        "90",
    ];
    let found = summary(&forecast(&train, &at("run"), &arguments));
    assert_eq!(
        (found["best"].as_str(), found["windows"].as_u64()),
        (Some("seasonal-naive"), Some(1))
    );
    assert_eq!(found["models"]["seasonal-naive"]["mae"], 0.0);
    // What comes next is what followed: one line of forecasts.
    let page = fs::read_to_string(at("run").join("report.html")).unwrap();
    let chart =
        "aria-label=\"H1: known from 50 to 73; right from 73 to 73; seasonal-naive from 50 to 73\"";
    assert!(page.contains(chart));
    // One series, one window: nothing is said of a difference.
    assert_eq!(found["difference"]["verdict"], "no ground");
    let text = fs::read_to_string(at("run").join("forecasts.csv")).unwrap();
    assert!(
        text.starts_with("unique_id,ds,model,mean,0.05,0.5,0.95\nH1,241,naive,"),
        "{}",
        &text[..80]
    );
}

#[test]
fn what_cannot_be_forecast_is_refused_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("x.csv");
    let dates = "2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-04,4\n";
    let two = "a,2024-01-01,1\na,2024-01-02,2\n";
    for (text, arguments, expected) in [
        (
            format!("ds,y\n{dates}"),
            &["--horizon", "4"][..],
            "a horizon of 4 is not shorter than the longest series, of 4 points",
        ),
        (format!("ds,y\n{dates}"), &[], "does not say how far to forecast; give --horizon"),
        (
            format!("ds,y\n{dates}2024-01-06,6\n"),
            &["--horizon", "1"],
            "1 steps have no row: 1 of y after row 5, from 2024-01-05",
        ),
        (
            format!("ds,y\n{dates}2024-01-05,\n"),
            &["--horizon", "1"],
            "1 values are missing: row 6 of y",
        ),
        (
            format!("ds,y\n{dates}05.01.2024,5\n"),
            &["--horizon", "1"],
            "1 dates are not written as year-month-day",
        ),
        (
            format!("ds,y\n{dates}2024-01-05T00:00Z,5\n"),
            &["--horizon", "1"],
            "of another time zone than row 2 (no zone)",
        ),
        (format!("unique_id,ds,y\n{two}"), &["--horizon", "1", "--level", "100"], "1 is no level"),
        (
            format!("unique_id,ds,y\n{two}"),
            &["--horizon", "1", "--model", "prophet"],
            "`prophet` is not known; known are naive",
        ),
        (
            format!("unique_id,ds,y\n{two}"),
            &["--horizon", "1", "--fill", "guess"],
            "it is one of refuse, previous",
        ),
        (
            format!("unique_id,ds,y\n{two}"),
            &["--horizon", "999999"],
            "999999 steps; ask for at least 1 and at most 65536",
        ),
        ("name\nx\n".to_owned(), &["--horizon", "1"], "has no column `y`"),
    ] {
        fs::write(&data, &text).unwrap();
        let output = forecast(&data, &folder.path().join("run"), arguments);
        let error = said(&output);
        assert!(!output.status.success() && error.contains(expected), "{text}: {error}");
        assert!(!folder.path().join("run").exists(), "{text}: something was written");
    }
    // One point beside longer series, and one that never changes: said, and forecast all the same.
    fs::write(
        &data,
        format!(
            "unique_id,ds,y\n{two}a,2024-01-03,4\nb,2024-01-01,5\nc,2024-01-01,1\nc,2024-01-02,1\n"
        ),
    )
    .unwrap();
    let output = forecast(&data, &folder.path().join("run"), &["--horizon", "2", "--json"]);
    let (found, error) = (summary(&output), said(&output));
    for part in [
        "1 series have one point: b at row 5",
        "1 series never change: c at row 6",
        "2 series are no longer than the horizon",
    ] {
        assert!(error.contains(part), "no `{part}` in {error}");
    }
    assert_eq!(found["series"], 3);
    let text = fs::read_to_string(folder.path().join("run/forecasts.csv")).unwrap();
    assert!(text.lines().any(|line| line.starts_with("b,2024-01-02,theta,5,")), "{text}");
}

/// A trend and a season, which sum up to the forecast; names of series are nobody's markup.
#[test]
fn a_page_tells_a_trend_from_a_season() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("x.csv"), folder.path().join("run"));
    fs::write(&data, months().replace("flat,", "<script>alert(1)</script>,")).unwrap();
    let arguments = ["--horizon", "6", "--steps", "40", "--json"];
    let models = ["--model", "naive", "nbeats-interpretable"];
    summary(&forecast(&data, &out, &[&arguments[..], &models].concat()));
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    let chart = "aria-label=\"nbeats-interpretable: =rising: trend from";
    let rest = &page[page.find(chart).unwrap()..];
    assert!(rest[..rest.find('>').unwrap()].contains("; season from"));
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"));
}

/// Learned of some series, used on another, learned further of it.
#[test]
fn what_was_learned_of_some_series_forecasts_another() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (many, one) = (at("many.csv"), at("one.csv"));
    fs::write(&many, months()).unwrap();
    let text: String = months()
        .lines()
        .filter(|line| !line.starts_with("flat"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(&one, text).unwrap();
    let learn = [
        "--horizon",
        "6",
        "--model",
        "naive",
        "nhits",
        "--ensemble",
        "2",
        "--steps",
        "60",
        "--json",
    ];
    let found = summary(&forecast(&many, &at("run"), &learn));
    assert_eq!(found["models"].as_object().unwrap().len(), 2);
    let weights = at("run/nhits");
    for member in ["00", "01"] {
        assert!(weights.join(member).join("best.safetensors").is_file());
        // What was measured learned of less.
        assert!(at("run/backtest/nhits").join(member).join("best.safetensors").is_file());
    }
    let given =
        ["--horizon", "6", "--model", "naive", "--json", "--weights", weights.to_str().unwrap()];
    let as_is = summary(&forecast(&one, &at("as-is"), &given));
    let mase = |found: &Value, name: &str| found["models"][name]["mase"].as_f64().unwrap();
    assert!(mase(&as_is, "nhits-given") < mase(&as_is, "naive"), "{as_is}");
    assert!(!at("as-is/nhits-given").exists());
    // Fewer networks than before are all there are.
    let alone = ["--horizon", "6", "--model", "naive", "nhits", "--steps", "9", "--json"];
    summary(&forecast(&many, &at("run2"), &learn));
    summary(&forecast(&many, &at("run2"), &alone));
    let left = |member: &str| at("run2/nhits").join(member).join("best.safetensors").is_file();
    assert!(left("00") && !left("01"));
    let further = [&given[..], &["--steps", "20", "--freeze", "1"]].concat();
    let tuned = summary(&forecast(&one, &at("tuned"), &further));
    assert!(mase(&tuned, "nhits-given").is_finite());
    assert_ne!(mase(&tuned, "nhits-given"), mase(&as_is, "nhits-given"));
    assert!(at("tuned/nhits-given/01/best.safetensors").is_file());
    for (arguments, expected) in [
        (
            vec!["--horizon", "7", "--weights", weights.to_str().unwrap()],
            "forecasts 6 steps, not 7",
        ),
        (
            vec!["--horizon", "6", "--weights", folder.path().to_str().unwrap()],
            "holds no `best.safetensors`",
        ),
        (vec!["--horizon", "6", "--weights", one.to_str().unwrap()], "one.csv"),
        (vec!["--horizon", "6", "--freeze", "1"], "--weights"),
        (vec!["--horizon", "6", "--model", "combined"], "at least two of theta, ets and networks"),
        (vec!["--horizon", "6", "--minutes=-1"], "--minutes is no time"),
    ] {
        let output =
            forecast(&one, &at("wrong"), &[&arguments[..], &["--model", "naive"]].concat());
        let error = said(&output);
        assert!(!output.status.success() && error.contains(expected), "{arguments:?}: {error}");
    }
}

/// Two series of days whose level is a price that changes as nothing before it says; the prices of a week ahead are known.
fn prices(ahead: bool) -> String {
    let mut text = "unique_id,ds,y,price,visits,town\n".to_owned();
    for (number, town) in [(0_u32, "Ulm"), (1, "Bonn")] {
        let days = (1..=31).flat_map(|day| [(1, day), (3, day), (5, day)]).collect::<Vec<_>>();
        let mut days: Vec<(u32, u32)> = days
            .into_iter()
            .chain((1..=29).map(|day| (2, day)))
            .chain((1..=30).map(|day| (4, day)))
            .collect();
        days.sort_unstable();
        for (step, (month, day)) in (0_u32..).zip(days) {
            let mixed = (step + 977 * number).wrapping_mul(2_654_435_761);
            let price = f64::from((mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b) >> 24) / 25.6;
            let value = 50.0 - 3.0 * price + f64::from(number);
            let date = format!("2024-{month:02}-{day:02}");
            match step < 145 {
                true => text += &format!("{town},{date},{value},{price},{},{town}\n", step % 5),
                false if ahead => text += &format!("{town},{date},,{price},,{town}\n"),
                false => {}
            }
        }
    }
    text
}

#[test]
fn columns_beside_values_are_seen_and_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("whole.csv"), prices(true)).unwrap();
    fs::write(at("short.csv"), prices(false)).unwrap();
    let models = ["--horizon", "7", "--model", "naive", "nlinear", "nbeats", "--json"];
    let learn = ["--steps", "200", "--lr", "0.003"];
    let columns = ["--known", "price", "--past", "visits", "--static", "town", "--calendar"];
    let all = [&models[..], &learn, &columns].concat();
    let output = forecast(&at("whole.csv"), &at("run"), &all);
    let (found, told) = (summary(&output), said(&output));
    let mae = |found: &Value, name: &str| found["models"][name]["mae"].as_f64().unwrap();
    assert!(mae(&found, "nbeats") < 0.8 * mae(&found, "nlinear"), "{found}");
    for expected in [
        "beside them visits, price, town",
        "14 rows behind the last values say what is known ahead",
        "baselines, nlinear forecast of values alone",
    ] {
        assert!(told.contains(expected), "no `{expected}` in {told}");
    }
    let page = fs::read_to_string(at("run/report.html")).unwrap();
    assert!(page.contains("aria-label=\"nbeats: Bonn: stack0 from"));
    // The same from two files; as it is, from weights.
    fs::write(at("ahead.csv"), prices(true)).unwrap();
    let ahead = at("ahead.csv");
    let future = ["--future", ahead.to_str().unwrap()];
    let weights = at("run/nbeats");
    let given =
        ["--horizon", "7", "--model", "naive", "--json", "--weights", weights.to_str().unwrap()];
    let forecasts = |data: &str, out: &str, more: &[&str]| {
        summary(&forecast(&at(data), &at(out), &[&given[..], &columns, more].concat()));
        fs::read_to_string(at(out).join("forecasts.csv")).unwrap()
    };
    let expected = forecasts("whole.csv", "one", &[]);
    assert!(expected.contains(",nbeats-given,"));
    assert_eq!(forecasts("short.csv", "two", &future), expected);
    let run = fs::read_to_string(at("run/forecasts.csv")).unwrap();
    let of = |text: &str, model: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains(model));
        lines.map(|line| line.replace(model, "")).collect()
    };
    assert_eq!(of(&run, ",nbeats,"), of(&expected, ",nbeats-given,"));
    let lacking = [&given[..], &["--known", "price"]].concat();
    fs::write(at("other.csv"), prices(true).replace("Ulm\n", "Rom\n")).unwrap();
    let output = forecast(&at("other.csv"), &at("other"), &[&given[..], &columns].concat());
    summary(&output);
    let told = said(&output);
    assert!(
        told.contains("has learned nothing of what 1 series are, as Ulm (`town` is `Rom`)"),
        "{told}"
    );
    for (data, arguments, expected) in [
        ("whole.csv", &lacking[..], "the model sees `visits` (past), `day of week` (calendar)"),
        ("short.csv", &all[..], "series Ulm: `price` is not known at 2024-05-25"),
        ("whole.csv", &["--horizon", "7", "--known", "cost"], "has no column `cost`"),
        ("whole.csv", &["--horizon", "7", "--future", "x.csv"], "--known"),
    ] {
        let output = forecast(&at(data), &at("wrong"), arguments);
        let error = said(&output);
        assert!(!output.status.success() && error.contains(expected), "{expected}: {error}");
    }
}

/// The competition's own files in one command: theirs are 1.006 of Theta and 0.627 of seasonal naive.
#[test]
fn the_m4_competition_is_one_command() {
    let Some(data) = rekindle_skip::real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| data.join("series/m4_hourly").join(name);
    let test = at("Hourly-test.csv");
    let arguments = ["--horizon", "48", "--json", "--model", "theta", "seasonal-naive", "--test"];
    let arguments: Vec<&str> = arguments.into_iter().chain([test.to_str().unwrap()]).collect();
    let found = summary(&forecast(&at("Hourly-train.csv"), folder.path(), &arguments));
    assert_eq!((found["series"].as_u64(), found["season"].as_u64()), (Some(414), Some(24)));
    for (name, owa) in [("theta", 1.006), ("seasonal-naive", 0.6275)] {
        let found = found["models"][name]["owa"].as_f64().unwrap();
        assert!((found - owa).abs() < 0.001, "{name}: {found}");
    }
}
