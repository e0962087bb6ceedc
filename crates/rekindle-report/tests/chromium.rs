//! Opens the pages in Chromium, wide and narrow, where `REKINDLE_CHROMIUM` names its program.

use std::{ffi::OsString, fs, io, path::Path, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use rekindle_report::{compare, forecasts, html};
use sha2::{Digest, Sha256};

#[path = "sample/mod.rs"]
mod sample;

/// Complains if the page is wider than the window, or has lost its styles or its script.
const LOOK: &str = "if (document.documentElement.scrollWidth > innerWidth) \
    console.error('wider than ' + innerWidth); \
    if (getComputedStyle(document.querySelector('section')).borderTopStyle !== 'solid') \
    console.error('no style'); \
    for (const bar of document.querySelectorAll('i')) \
    if (!getComputedStyle(bar).getPropertyValue('--share')) console.error('a bar of no length'); \
    if (!document.querySelector('.tip')) console.error('no script'); \
    document.querySelector('p[id]')?.click()";

/// The page with a script that its policy allows.
fn with_script(page: &str, script: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(script));
    let allowed = format!("script-src 'sha256-{hash}' ");
    let page = page.replace("script-src ", &allowed);
    page.replace("</body>", &format!("<script>{script}</script></body>"))
}

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
        html(&sample::texts("Reports", 1)),
        compare(&runs[..2]),
        compare(&runs),
        forecasts(&sample::forecast("")),
    ];
    for page in pages {
        for width in [390, 1280] {
            let page = with_script(&page, LOOK);
            let found = complaints(&chromium, folder.path(), &page, width).unwrap();
            assert_eq!(found, Vec::<String>::new(), "{width} pixels wide");
        }
    }
    // What it would find, were there any.
    for (wrong, complaint) in [
        ("<script>console.error('run')</script>", "Content Security Policy"),
        ("<p id=\"x\" onclick=\"console.error('run')\">x</p>", "Content Security Policy"),
        ("<p style=\"color:red\">x</p>", "Content Security Policy"),
        ("<style>p { color: red }</style>", "Content Security Policy"),
        ("<base href=\"https://example.org/\">", "Content Security Policy"),
        ("<img src=\"https://example.org/a.png\" alt=\"\">", "Content Security Policy"),
        ("<svg width=\"2000\" height=\"1\"></svg>", "wider than"),
        ("<i class=\"unknown\"></i>", "a bar of no length"),
    ] {
        let page = html(&sample::run("Pets", 2, 1)).replace("</main>", &format!("{wrong}</main>"));
        let found = complaints(&chromium, folder.path(), &with_script(&page, LOOK), 1280).unwrap();
        assert!(found.iter().any(|line| line.contains(complaint)), "{wrong}: {found:?}");
        assert!(!found.iter().any(|line| line.contains("\"run\"")), "{wrong}: {found:?}");
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
