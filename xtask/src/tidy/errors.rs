//! Rule for errors: what one says of itself leaves its cause out, since whoever prints it adds that.

use super::mask::mask;
use super::sources::{is_test, lines_without_tests};
use super::{File, Problem};

/// How an error of `thiserror` says what it says.
const TEXT: &str = "#[error(";

pub(super) fn problems(files: &[File]) -> Vec<Problem> {
    let sources = files.iter().filter(|file| file.path.ends_with(".rs") && !is_test(&file.path));
    sources.flat_map(of_file).collect()
}

fn of_file(file: &File) -> Vec<Problem> {
    let code = mask(&file.text);
    let end = lines_without_tests(&code);
    let lines = |text: &str| text.lines().take(end).map(str::to_owned).collect::<Vec<_>>();
    let (text, code) = (lines(&file.text), lines(&code));
    let starts: Vec<usize> =
        (0..end).filter(|line| code[*line].trim_start().starts_with(TEXT)).collect();
    let ends = starts.iter().skip(1).copied().chain([end]);
    let repeated = |(start, end): (&usize, usize)| {
        // The attribute, and all of what it is the text of.
        let said = (*start..end).take_while(|line| *line == *start || !is_after(&code, *line - 1));
        let last = said.last().unwrap_or(*start);
        let words = text[*start..=last].join("\n");
        let values = code[*start..=last].join("\n");
        let item = code[last + 1..end].join("\n");
        let named = words.contains("{source") || has_word(&values, "source");
        let unnamed = item.contains("(#[source]") || item.contains("(#[from]");
        let place = words.contains("{0") || values.contains(".0");
        (named || unnamed && place).then_some(*start + 1)
    };
    let message =
        "an error repeats its cause, which whoever prints it adds: leave it out of the text";
    let found = starts.iter().zip(ends).filter_map(repeated);
    found.map(|line| Problem::new(&file.path, line, message)).collect()
}

/// Whether an attribute ends with a line.
fn is_after(code: &[String], line: usize) -> bool {
    code[line].trim_end().ends_with(")]")
}

/// Whether a name is among others.
fn has_word(code: &str, word: &str) -> bool {
    code.split(|sign: char| !(sign.is_alphanumeric() || sign == '_')).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_leaves_its_cause_to_whoever_prints_it() {
        let rows: [(&str, &[usize]); 9] = [
            ("enum E {\n#[error(\"a: {path}\")]\nA { path: P, source: S } }", &[]),
            ("enum E {\n#[error(\"a: {source}\")]\nA { source: S } }", &[2]),
            (
                "enum E {\n#[error(\"{source:?}; mend\")]\nA { source: S },\n#[error(\"b\")]\nB }",
                &[2],
            ),
            ("enum E {\n#[error(\n  \"a: {}\",\n  source.message()\n)]\nA { source: S } }", &[2]),
            // A word of prose.
            ("enum E {\n#[error(\"save it from its source\")]\nA { source: S } }", &[]),
            (
                "enum E {\n#[error(transparent)]\nA(#[from] S),\n#[error(\"b\")]\nB(#[source] S) }",
                &[],
            ),
            ("enum E {\n#[error(\"a\")]\nA,\n#[error(\"b: {0}\")]\nB(#[source] S) }", &[4]),
            ("enum E {\n#[error(\"b: {}\", .0.x())]\nB(#[source] S) }", &[2]),
            ("enum E {\n#[error(\"b: {0}\")]\nB(String) }", &[]),
        ];
        for (text, expected) in rows {
            let file = File::new("crates/a/src/error.rs", text);
            let found: Vec<usize> = problems(&[file]).iter().map(|problem| problem.line).collect();
            assert_eq!(found, expected, "{text}");
        }
        let test = "#[error(\"{source}\")]\nstruct E { source: S }";
        assert!(problems(&[File::new("crates/a/src/tests.rs", test)]).is_empty());
        assert!(
            problems(&[File::new(
                "crates/a/src/a.rs",
                &format!("#[cfg(test)]\nmod tests {{\n{test}\n}}")
            )])
            .is_empty()
        );
    }
}
