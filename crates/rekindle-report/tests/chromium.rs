//! Opens the pages in Chromium, wide and narrow, where `REKINDLE_CHROMIUM` names its program.

use std::{ffi::OsString, fs, io, path::Path, process::Command};

use rekindle_report::{compare, html};

#[path = "sample/mod.rs"]
mod sample;

/// Complains if the page is wider than the window.
const WIDTH: &str = "<script>if (document.documentElement.scrollWidth > innerWidth) \
    console.error('wider than ' + innerWidth)</script></body>";

#[test]
fn chromium_has_nothing_to_complain_about() {
    let Some(chromium) = rekindle_skip::variable("REKINDLE_CHROMIUM", "the program of Chromium")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let runs: Vec<_> = (1..=20).map(|seed| sample::run("Pets", 10, seed)).collect();
    let pages = [
        html(&sample::run("Cats and dogs", 2, 1)),
        html(&sample::run("Pets", 100, 1)),
        html(&sample::multi_label("Photos", 10, 1)),
        html(&sample::regression("Photos", 1)),
        compare(&runs[..2]),
        compare(&runs),
    ];
    for page in pages {
        for width in [390, 1280] {
            let page = page.replace("</body>", WIDTH);
            let found = complaints(&chromium, folder.path(), &page, width).unwrap();
            assert_eq!(found, Vec::<String>::new(), "{width} pixels wide");
        }
    }
    // What it would find, were there any.
    for wrong in [
        "<script>undefined_name()</script>",
        "<img src=\"https://example.org/a.png\" alt=\"\">",
        "<div style=\"width:2000px\">wide</div>",
    ] {
        let page = html(&sample::run("Pets", 2, 1)).replace("</main>", &format!("{wrong}</main>"));
        let page = page.replace("</body>", WIDTH);
        let found = complaints(&chromium, folder.path(), &page, 1280).unwrap();
        assert_ne!(found, Vec::<String>::new(), "{wrong}");
    }
}

/// Lines of the console. The page lies in a frame, because a window cannot be as narrow as a phone.
fn complaints(
    chromium: &OsString,
    folder: &Path,
    page: &str,
    width: usize,
) -> io::Result<Vec<String>> {
    let frame = format!(
        "<!DOCTYPE html><iframe src=\"page.html\" width=\"{width}\" height=\"900\"></iframe>"
    );
    fs::write(folder.join("page.html"), page)?;
    fs::write(folder.join("frame.html"), frame)?;
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .args(["--window-size=1400,1000", "--virtual-time-budget=2000"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", folder.join("frame.html").display()))
        .output()?;
    assert!(String::from_utf8_lossy(&output.stdout).contains("<iframe"), "{output:?}");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect())
}
