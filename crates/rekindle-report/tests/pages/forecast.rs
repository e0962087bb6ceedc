//! Runs that forecast series.

use rekindle_report::{ForecastRecord, forecasts};

use crate::{HOSTILE, check, refuse_markup, sample};

#[test]
fn a_page_of_forecasts_has_models_charts_and_parts() {
    let record = sample::forecast("");
    let page = forecasts(&record);
    check::whole(&page);
    for part in [
        "The best of 3 models is <strong>theta</strong>",
        "best: theta, better",
        "<th scope=\"row\">theta<span class=\"badge\">best</span></th><td>6.300</td><td>0.700</td>",
        "by backtest on 3 windows",
        ">95% interval</li>",
        ">80% interval</li>",
        "<figcaption>MASE 0.7, of repeating values 1.25; the worst of 7</figcaption>",
        "aria-label=\"a: known from 400 to",
        "<title>1961-12-01\ntheta:",
        "\n95%: ",
        "aria-label=\"MASE, yearly by step ahead: naive from 0.5 to 1.6",
        "1.2 of nhits",
        "trend from 0 to 22",
        "All are added to 412, from which",
        "aria-label=\"Loss of nhits by epoch: training from",
    ] {
        assert!(page.contains(part), "no `{part}`");
    }
    // Both intervals, of what was measured on and of what comes next, of both series.
    assert_eq!(page.matches("fill-opacity=\"0.17\"/>").count(), 2 * 2 * 2 + 1, "areas and a key");
    // Years are written, not whole dates.
    assert!(page.contains(">1957</text>") && !page.contains(">1957-01-01</text>"));
}

#[test]
fn no_name_of_a_series_becomes_markup() {
    let page = forecasts(&sample::forecast(HOSTILE));
    check::whole(&page);
    refuse_markup(&page);
}

#[test]
fn what_a_run_that_forecasts_does_not_have_leaves_nothing_behind() {
    type Remove = fn(&mut ForecastRecord);
    let parts: [(&str, Remove); 6] = [
        ("models", |it| it.models.clear()),
        ("forecasts", |it| it.series.clear()),
        ("steps", |it| it.groups.clear()),
        ("worst", |it| it.worst.clear()),
        ("parts", |it| it.parts.clear()),
        ("learning", |it| it.curves.clear()),
    ];
    for (id, remove) in parts {
        let mut record = sample::forecast("");
        remove(&mut record);
        let page = forecasts(&record);
        check::whole(&page);
        for (other, _) in parts {
            let there = page.contains(&format!("<section id=\"{other}\""));
            assert_eq!(there, other != id, "{other} without {id}");
        }
    }
    let bare = forecasts(&ForecastRecord::default());
    check::whole(&bare);
    assert!(!bare.contains("<section") && !bare.contains("lead\""));
}

#[test]
fn forecasts_of_what_is_no_number_break_no_chart() {
    for value in [f64::NAN, f64::INFINITY, 1e300] {
        let mut record = sample::forecast("");
        for it in &mut record.series {
            it.next.points[3] = value;
            it.next.intervals[1].1[5][1] = value;
            it.measured = None;
            it.right.clear();
            it.times.truncate(2);
        }
        record.series[1].history.clear();
        record.models[0].owa = value;
        record.worst[0].naive = value;
        record.groups[0].by_step[0].1[0] = value;
        record.parts[0].shift = value;
        let page = forecasts(&record);
        check::whole(&page);
        assert!(!page.contains("NaN") && !page.contains(">inf"), "{value}");
    }
    // A single step has an area too.
    let mut record = sample::forecast("");
    record.series.truncate(1);
    let it = &mut record.series[0];
    it.measured = None;
    it.next.points.truncate(1);
    it.next.intervals.iter_mut().for_each(|(_, ends)| ends.truncate(1));
    let page = forecasts(&record);
    check::whole(&page);
    assert_eq!(page.matches("fill-opacity=\"0.17\"/>").count(), 2 + 1);
}
