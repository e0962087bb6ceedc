//! Rules for the book: its summary has every page, what pages link and include is there, and their code is tested.

use std::collections::BTreeSet;

use super::{File, Problem};

const PAGES: &str = "book/src/";
const SUMMARY: &str = "book/src/SUMMARY.md";
/// Where blocks of code become tests.
const TESTS: &str = "crates/rekindle/src/book.rs";
/// How a page takes in a file, or a part of it behind a colon.
const INCLUDES: [&str; 2] = ["{{#include ", "{{#rustdoc_include "];

pub(super) fn problems(files: &[File]) -> Vec<Problem> {
    let pages =
        || files.iter().filter(|file| file.path.starts_with(PAGES) && file.path.ends_with(".md"));
    let Some(summary) = pages().find(|file| file.path == SUMMARY) else {
        let first = pages().next();
        return first
            .map(|page| Problem::new(&page.path, 1, format!("there is no {SUMMARY}")))
            .into_iter()
            .collect();
    };
    let listed: BTreeSet<String> = links(summary).map(|(_, path)| path).collect();
    let tests = files.iter().find(|file| file.path == TESTS).map_or("", |file| file.text.as_str());
    let mut problems = Vec::new();
    for page in pages() {
        if page.path != SUMMARY && !listed.contains(&page.path) {
            problems.push(Problem::new(
                &page.path,
                1,
                "is not in SUMMARY.md: list it there, or delete it",
            ));
        }
        let name = page.path.strip_prefix(PAGES).unwrap_or(&page.path);
        if has_code(page) && !tests.contains(&format!("book/src/{name}\"")) {
            let message = format!("has code that nothing compiles: add it to {TESTS}");
            problems.push(Problem::new(&page.path, 1, message));
        }
        for (line, path) in links(page) {
            if !files.iter().any(|file| file.path == path) {
                problems.push(Problem::new(
                    &page.path,
                    line,
                    format!("links {path}, which is not there"),
                ));
            }
        }
        problems.extend(includes(page, files));
    }
    problems
}

/// Whether a page has a block of code that rustdoc would take for a test.
fn has_code(page: &File) -> bool {
    let fences = page.text.lines().filter_map(|line| line.trim_start().strip_prefix("```"));
    // Every other one ends a block.
    fences.step_by(2).any(|words| {
        let first = words.split([',', ' ']).next().unwrap_or_default();
        matches!(first, "" | "rust" | "no_run" | "should_panic") && !words.contains("ignore")
    })
}

/// The pages that a page links, from the root, each with its line.
fn links(page: &File) -> impl Iterator<Item = (usize, String)> {
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    page.text.lines().enumerate().flat_map(move |(line, text)| {
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let local = targets.filter(|target| target.ends_with(".md") && !target.contains("://"));
        local.map(move |target| (line + 1, joined(folder, target))).collect::<Vec<_>>()
    })
}

fn includes(page: &File, files: &[File]) -> Vec<Problem> {
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut problems = Vec::new();
    for (line, text) in page.text.lines().enumerate() {
        let named = INCLUDES.iter().find_map(|include| text.split_once(include));
        let Some(target) = named.and_then(|(_, rest)| rest.split("}}").next()) else { continue };
        let (path, anchor) = target.trim().split_once(':').unwrap_or((target.trim(), ""));
        let mut add = |message| problems.push(Problem::new(&page.path, line + 1, message));
        let path = joined(folder, path);
        let Some(file) = files.iter().find(|file| file.path == path) else {
            add(format!("includes {path}, which is not there"));
            continue;
        };
        if anchor.starts_with(|first: char| first.is_ascii_digit() || first == ':') {
            add(format!("includes lines of {path} by their numbers, which change: name an anchor"));
        } else if !anchor.is_empty() {
            let has = |mark: &str| {
                let mark = format!("{mark}: {anchor}");
                file.text.lines().any(|line| line.trim_end().ends_with(&mark))
            };
            if !(has("ANCHOR") && has("ANCHOR_END")) {
                add(format!(
                    "includes the anchor `{anchor}` of {path}, which does not begin and end there"
                ));
            }
        }
    }
    problems
}

/// A path from a folder on, without `..`.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(summary: &str, page: &str, tests: &str) -> Vec<String> {
        let example = "// ANCHOR: all\nfn a() {}\n// ANCHOR_END: all\n// ANCHOR: half\n";
        let files = [
            File::new(SUMMARY, summary),
            File::new("book/src/lesson.md", page),
            File::new(TESTS, tests),
            File::new("crates/a/examples/a.rs", example),
        ];
        problems(&files).into_iter().map(|problem| problem.to_string()).collect()
    }

    const LISTED: &str = "# Summary\n\n- [Lesson](lesson.md)\n";

    #[test]
    fn what_a_book_lacks_is_found() {
        let tested = "include_str!(\"../../../book/src/lesson.md\")";
        for (summary, page, tests, found) in [
            (LISTED, "text [there](lesson.md#part) and [far](https://a.org/b.md)", "", ""),
            ("# Summary\n", "text", "", "lesson.md:1: is not in SUMMARY.md"),
            (
                "- [A](lesson.md)\n- [B](other.md)\n",
                "text",
                "",
                "SUMMARY.md:2: links book/src/other.md",
            ),
            (LISTED, "a\n[there](gone.md)", "", "lesson.md:2: links book/src/gone.md"),
            (LISTED, "{{#include ../../crates/a/examples/a.rs}}", "", ""),
            (LISTED, "{{#rustdoc_include ../../crates/a/examples/a.rs:all}}", "", ""),
            (
                LISTED,
                "{{#include ../../crates/a/examples/b.rs}}",
                "",
                "includes crates/a/examples/b.rs, which",
            ),
            (LISTED, "{{#include ../../crates/a/examples/a.rs:al}}", "", "the anchor `al` of"),
            (LISTED, "{{#include ../../crates/a/examples/a.rs:half}}", "", "the anchor `half` of"),
            (LISTED, "{{#include ../../crates/a/examples/a.rs:2:3}}", "", "by their numbers"),
            (LISTED, "```rust\nlet a = 1;\n```", "", "has code that nothing compiles"),
            (LISTED, "```rust\nlet a = 1;\n```", tested, ""),
            (LISTED, "```rust,ignore\nlet a = 1;\n```\n```text\na\n```", "", ""),
            (LISTED, "```\nlet a = 1;\n```", "", "has code that nothing compiles"),
        ] {
            let problems = book(summary, page, tests);
            match found {
                "" => assert!(problems.is_empty(), "{summary} {page}: {problems:?}"),
                found => {
                    assert!(
                        problems.len() == 1 && problems[0].contains(found),
                        "{page}: {problems:?}"
                    );
                }
            }
        }
    }
}
