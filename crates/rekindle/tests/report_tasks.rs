//! Runs on one label, several labels and numbers: their records, their pages, their comparison, and what is pushed of them.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod support;

use std::{ffi::OsStr, fs, path::Path, process::Command};

use rekindle::report::{Results, RunRecord, Verdict};
use rekindle_doodles::{SIZE, Task, set};

/// Doodles of four classes, alone or two on one plate, with a list of what each shows and how bright it is.
fn plates(folder: &Path) {
    let doodles: Vec<_> =
        set(Task::Target, 16, 3).into_iter().filter(|doodle| doodle.label < 4).collect();
    let mut rows = "path,labels,brightness\n".to_owned();
    for (place, doodle) in doodles.iter().enumerate() {
        let other = &doodles[(place * 7 + 3) % doodles.len()];
        // Every third is alone.
        let other = if place % 3 == 0 { doodle } else { other };
        let both = doodle.pixels.iter().zip(&other.pixels);
        let pixels: Vec<u8> = both.map(|(a, b)| a.midpoint(*b)).collect();
        let mean = pixels.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / pixels.len() as f64;
        let image = image::RgbImage::from_raw(SIZE as u32, SIZE as u32, pixels).unwrap();
        image.save(folder.join(format!("{place}.png"))).unwrap();
        let name = |label: usize| Task::Target.doodles()[label].name;
        let labels = match doodle.label == other.label {
            true => name(doodle.label).to_owned(),
            false => format!("{}|{}", name(doodle.label), name(other.label)),
        };
        rows += &format!("{place}.png,{labels},{mean:.3}\n");
    }
    fs::write(folder.join("plates.csv"), rows).unwrap();
}

fn rekindle(arguments: &[&dyn AsRef<OsStr>]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rekindle")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn finetune(data: &Path, out: &Path, more: &[&str]) -> RunRecord {
    let starter = support::starter();
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"finetune", &"--data", &data, &"--out", &out];
    arguments.extend([&"--weights" as &dyn AsRef<OsStr>, &starter, &"--epochs", &"2"]);
    arguments.extend([&"--batch" as &dyn AsRef<OsStr>, &"8"]);
    arguments.extend(more.iter().map(|it| it as &dyn AsRef<OsStr>));
    rekindle(&arguments);
    RunRecord::read(&out.join("run.json")).unwrap()
}

#[test]
fn runs_of_every_task_are_reported_compared_and_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("data")).unwrap();
    plates(&at("data"));
    let list = at("data/plates.csv");
    let doodles = support::doodles(8, 4);

    let label = finetune(doodles.path(), &at("label"), &[]);
    let labels = finetune(&list, &at("labels"), &[]);
    let numbers = finetune(&list, &at("numbers"), &["--target", "brightness"]);
    for (run, metric) in [(&label, "accuracy"), (&labels, "map"), (&numbers, "mae")] {
        assert_eq!(run.problems(), Vec::<String>::new());
        let first = &run.evaluations[0];
        let main = first.main();
        assert_eq!(main.name, metric);
        // What the history measured of the best epoch is what was measured again.
        let history = run.history.as_ref().unwrap();
        assert_eq!((history.monitored.name.as_str(), history.monitored.unit), (metric, main.unit));
        let of_best = history.epochs.iter().find(|epoch| Some(epoch.number) == history.best);
        if let Some(epoch) = of_best {
            let value = epoch.validation.iter().find(|it| it.name == metric).unwrap().value;
            assert!((value - main.estimate.value).abs() < 1e-4, "{metric}: {value} {main:?}");
        }
        let names: Vec<&str> = first.baselines.iter().map(|it| it.name.as_str()).collect();
        assert!(names.len() == 2 && names[1] == "a probe of the features", "{names:?}");
    }

    let Results::SingleLabel(found) = &label.evaluations[0].results else { panic!("{label:?}") };
    let temperature = found.calibration.as_ref().unwrap().temperature.unwrap();
    assert!(temperature.loss_after <= temperature.loss_before + 1e-6, "{temperature:?}");
    assert_eq!(found.log_loss, Some(temperature.loss_after));

    let Results::MultiLabel(found) = &labels.evaluations[0].results else { panic!("{labels:?}") };
    assert_eq!((found.labels.len(), found.scores.labels.len()), (4, 4));
    assert!(found.scores.f1.value >= found.f1_before.unwrap(), "{found:?}");
    let counts = labels.data.as_ref().unwrap().pictures.unwrap();
    assert_eq!(counts.train + counts.validation, 64);
    for picture in labels.galleries.iter().flat_map(|gallery| &gallery.pictures) {
        let wrong = |verdict| matches!(verdict, Verdict::FalsePositive | Verdict::FalseNegative);
        assert!(picture.guesses[0].verdict.is_some_and(wrong), "{:?}", picture.guesses);
        assert!(!picture.overlay.is_empty());
        let has = |it: &&rekindle::report::GuessRecord| {
            matches!(it.verdict, Some(Verdict::TruePositive | Verdict::FalseNegative))
        };
        let holds: Vec<&str> = picture.label.split(", ").collect();
        assert_eq!(picture.guesses.iter().filter(has).count(), holds.len(), "{holds:?}");
    }

    let Results::Regression(found) = &numbers.evaluations[0].results else { panic!() };
    let target = &found.targets[0];
    assert_eq!(target.name, "brightness");
    let errors = target.points.iter().map(|[right, predicted]| (right - predicted).abs());
    let mae = errors.clone().sum::<f64>() / target.points.len() as f64;
    assert!((mae - target.errors.mae.value).abs() < 1e-6, "{mae} {target:?}");
    let worst = errors.fold(0.0, f64::max);
    let shown = &numbers.galleries[0].pictures[0].numbers[0];
    assert!((shown.predicted - shown.right).abs() - worst < 1e-6, "{shown:?} {worst}");

    for (run, part) in [
        ("label", "temperature of "),
        ("labels", "A mean average precision of"),
        ("numbers", "brightness: predicted against true"),
    ] {
        let page = fs::read_to_string(at(run).join("report.html")).unwrap();
        assert!(page.contains(part) && page.contains("data:image/jpeg"), "{run}: no {part}");
        assert!(!page.contains("contradicts itself") && !page.contains(">NaN"), "{run}");
    }

    let page = at("compare.html");
    let told =
        rekindle(&[&"compare", &at("label"), &at("labels"), &at("numbers"), &"--out", &page]);
    assert!(told.contains("map ") && told.contains("mae "), "{told}");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("answer different questions"), "{told}");

    for (run, parts) in [
        ("label", ["metrics:\n- accuracy\n", "tells 3 classes apart"]),
        ("labels", ["metrics:\n- map\n- f1\n", "- multi-label\n"]),
        ("numbers", ["metrics:\n- mae\n- rmse\n- r2\n", "- regression\n"]),
    ] {
        let out = at(&format!("pushed-{run}"));
        let dry: [&dyn AsRef<OsStr>; 7] = [
            &"push",
            &at(run),
            &"me/plates",
            &"--license",
            &"mit or apache-2.0",
            &"--dry-run",
            &out,
        ];
        rekindle(&dry);
        let card = fs::read_to_string(out.join("README.md")).unwrap();
        parts.iter().for_each(|part| assert!(card.contains(part), "no `{part}` in {card}"));
    }
}
