//! Rules for Rust sources: length, first paragraph, unsafe code, ignored tests.

use std::collections::BTreeMap;

use super::mask::mask;
use super::{File, Problem};

/// Where a file is one architecture, and how many lines it may have.
const ARCHITECTURES: (&str, usize) = ("crates/rekindle-vision/src/", 250);
/// How many lines any other source may have.
const LINES: usize = 400;
/// The one crate that may hold unsafe blocks.
const KERNELS: &str = "crates/rekindle-kernels/";

pub(super) fn problems(files: &[File]) -> Vec<Problem> {
    let sources: Vec<&File> = files.iter().filter(|file| file.path.ends_with(".rs")).collect();
    let mut problems = Vec::new();
    for file in &sources {
        let code = mask(&file.text);
        problems.extend(too_long(file, &code));
        problems.extend(no_paragraph(file));
        problems.extend(unsafe_code(file, &code));
        problems.extend(ignored(file, &code));
    }
    problems.extend(repeated_paragraphs(&sources));
    problems
}

fn too_long(file: &File, code: &str) -> Option<Problem> {
    let (folder, lines) = ARCHITECTURES;
    let limit = if file.path.starts_with(folder) { lines } else { LINES };
    let lines = lines_without_tests(code);
    if is_test(&file.path) || lines <= limit {
        return None;
    }
    Some(Problem::new(
        &file.path,
        limit + 1,
        format!("{lines} lines without tests, {limit} allowed: split it"),
    ))
}

pub(super) fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// Lines before the module of tests; an attribute on any other item does not end the count.
pub(super) fn lines_without_tests(code: &str) -> usize {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let is_tests = |pair: &[&str]| match pair {
        [attribute, item] => {
            *attribute == "#[cfg(test)]" && item.starts_with("mod ") && item.ends_with('{')
        }
        _ => false,
    };
    lines.windows(2).position(is_tests).unwrap_or(lines.len())
}

/// The lines after `//!` up to an empty one, and the number of the first.
fn first_paragraph(text: &str) -> Option<(usize, String)> {
    let mut lines = text.lines().enumerate().skip_while(|(_, line)| !line.starts_with("//!"));
    let (number, first) = lines.next()?;
    let content = |line: &str| line.strip_prefix("//!").map(|line| line.trim().to_owned());
    let rest = lines.map_while(|(_, line)| content(line)).take_while(|line| !line.is_empty());
    let paragraph: Vec<String> = content(first).into_iter().chain(rest).collect();
    Some((number + 1, paragraph.join(" ")))
}

fn no_paragraph(file: &File) -> Option<Problem> {
    let needed = !is_test(&file.path) && first_paragraph(&file.text).is_none();
    needed.then(|| Problem::new(&file.path, 1, "does not open with `//!` and what the file is"))
}

fn repeated_paragraphs(sources: &[&File]) -> Vec<Problem> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for file in sources {
        let Some((line, paragraph)) = first_paragraph(&file.text) else { continue };
        if let Some(other) = seen.get(&paragraph) {
            problems.push(Problem::new(
                &file.path,
                line,
                format!("opens with the same paragraph as {other}"),
            ));
        } else {
            seen.insert(paragraph, &file.path);
        }
    }
    problems
}

fn unsafe_code(file: &File, code: &str) -> Vec<Problem> {
    if file.path.starts_with(KERNELS) {
        return Vec::new();
    }
    let is_word = |line: &str| {
        line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .any(|word| word == "unsafe")
    };
    let message = "unsafe code outside rekindle-kernels: move it there or do without";
    lines_where(code, is_word).map(|line| Problem::new(&file.path, line, message)).collect()
}

fn ignored(file: &File, code: &str) -> Vec<Problem> {
    let message = "an ignored test without a reason: write `#[ignore = \"why\"]`";
    let bare = |line: &str| line.split_whitespace().collect::<String>().contains("#[ignore]");
    lines_where(code, bare).map(|line| Problem::new(&file.path, line, message)).collect()
}

fn lines_where(code: &str, test: impl Fn(&str) -> bool) -> impl Iterator<Item = usize> {
    code.lines().enumerate().filter(move |(_, line)| test(line)).map(|(number, _)| number + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of the problems of one file that opens as it should.
    fn lines(path: &str, text: &str) -> Vec<usize> {
        problems(&[File::new(path, text)]).iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn a_source_has_its_limit_of_lines() {
        let body =
            |lines: usize| format!("//! What it is.\n{}", "const X: () = ();\n".repeat(lines - 1));
        let check = |path: &str, count: usize, expected: &[usize]| {
            assert_eq!(lines(path, &body(count)), expected, "{path} {count}");
        };
        check("crates/rekindle-data/src/a.rs", 400, &[]);
        check("crates/rekindle-data/src/a.rs", 401, &[401]);
        check("crates/rekindle-vision/src/a.rs", 250, &[]);
        check("crates/rekindle-vision/src/a.rs", 251, &[251]);
        check("crates/rekindle-vision/src/a/tests.rs", 999, &[]);
        check("tests/src/a.rs", 999, &[]);
        check("crates/rekindle-data/src/contests.rs", 401, &[401]);
    }

    #[test]
    fn tests_are_not_counted_and_nothing_else_is_left_out() {
        let long = "const X: () = ();\n".repeat(400);
        let with_tests = format!("//! What it is.\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        assert!(lines("a.rs", &with_tests).is_empty());
        let with_a_helper = format!("//! What it is.\n#[cfg(test)]\nmod tests;\n{long}");
        assert_eq!(lines("a.rs", &with_a_helper), [401]);
    }

    #[test]
    fn a_source_opens_with_a_paragraph_of_its_own() {
        let check = |text: &str, other: &str, expected: usize| {
            let found = problems(&[File::new("a.rs", text), File::new("b.rs", other)]);
            assert_eq!(found.len(), expected, "{found:?}");
        };
        check("//! One\n//! thing.\n", "//! Another thing.\n", 0);
        check("//! One\n//! thing.\n", "//! One thing.\n//!\n//! More.\n", 1);
        check("#![x]\n//! One.\n", "//! One.\n", 1);
        check("//! One.\n", "fn f() {}\n", 1);
    }

    #[test]
    fn unsafe_code_stays_in_the_kernels() {
        let check = |path: &str, line: &str, expected: &[usize]| {
            assert_eq!(
                lines(path, &format!("//! What it is.\n{line}\n")),
                expected,
                "{path} {line}"
            );
        };
        check("crates/rekindle-data/src/a.rs", "unsafe { f() }", &[2]);
        check("crates/rekindle-kernels/src/a.rs", "unsafe { f() }", &[]);
        check("crates/rekindle-data/src/a.rs", "#![deny(unsafe_code)] // unsafe", &[]);
        check("crates/rekindle-data/src/a.rs", "let x = \"unsafe\";", &[]);
    }

    #[test]
    fn an_ignored_test_says_why() {
        let check = |line: &str, expected: &[usize]| {
            assert_eq!(
                lines("a.rs", &format!("//! What it is.\n{line}\nfn f() {{}}\n")),
                expected,
                "{line}"
            );
        };
        check("#[ignore]", &[2]);
        check("#[ ignore ]", &[2]);
        check("#[ignore = \"needs a network\"]", &[]);
        check("// #[ignore]", &[]);
    }
}
