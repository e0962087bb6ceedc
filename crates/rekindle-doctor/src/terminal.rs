//! The diagnosis as text for a terminal.

use std::cmp::Reverse;
use std::fmt::Write;
use std::path::Path;

use rekindle_data::Part;

use crate::{DataLayout, Diagnosis, Finding, LabelCount, NumberSpread, Severity, Spread};

/// The diagnosis as text, grouped by kind, with at most `most` findings of a kind and files of a finding; then how often each
/// label is or where each number lies, at most `most` of them.
pub fn text(diagnosis: &Diagnosis, most: usize) -> String {
    let mut text = String::new();
    let is_file = diagnosis.layout != DataLayout::Packed && diagnosis.texts.is_none();
    let one = if is_file { "file" } else { diagnosis.noun().one };
    for group in diagnosis.groups() {
        let title = group.first().map_or_else(String::new, |first| diagnosis.title(first.kind));
        kind(&mut text, group, [&title, one], most);
    }
    balance(&mut text, diagnosis, most);
    text + &summary(diagnosis) + "\n"
}

/// How much was looked at and found.
pub(crate) fn summary(diagnosis: &Diagnosis) -> String {
    let counts = [Severity::Error, Severity::Warning, Severity::Note]
        .map(|severity| (diagnosis.count(severity), severity.name()));
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| counted(*count, name))
        .collect();
    let found = if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") };
    let pictures = counted(diagnosis.examined.len(), diagnosis.noun().one);
    let learned = match diagnosis.numbers.len() {
        0 => counted(diagnosis.labels.len(), "label"),
        count => counted(count, "column") + " of numbers",
    };
    format!("{pictures}, {learned}: {found}")
}

/// How often each label is, the most frequent first, or where each number lies.
fn balance(text: &mut String, diagnosis: &Diagnosis, most: usize) {
    let trained = diagnosis.examined_in(Part::Train).max(1);
    let mut labels: Vec<&LabelCount> = diagnosis.labels.iter().collect();
    labels.sort_by_key(|count| Reverse(count.train));
    let label = |LabelCount { label, train, val, test }: &LabelCount| {
        let share = 100.0 * *train as f64 / trained as f64;
        let rest = [(*val, "validate on"), (*test, "test on")];
        let rest = rest.iter().filter(|(count, _)| *count > 0);
        let rest: String = rest.map(|(count, to)| format!(", {count} to {to}")).collect();
        format!("`{label}`: {train} to train on ({share:.1}%){rest}")
    };
    let number = |NumberSpread { name, train, val, test }: &NumberSpread| {
        let parts = [(train, "train on"), (val, "validate on"), (test, "test on")];
        let parts = parts.iter().filter_map(|(spread, to)| {
            let Spread { count, low, quartiles: [_, middle, _], high } = spread.as_ref()?;
            Some(format!("{low} to {high}, median {middle}, in {count} to {to}"))
        });
        format!("`{name}`: {}", parts.collect::<Vec<_>>().join("; "))
    };
    let lines = labels.into_iter().map(label).chain(diagnosis.numbers.iter().map(number));
    let lines: Vec<String> = lines.collect();
    for line in lines.iter().take(most) {
        let _ = writeln!(text, "{}", visible(line));
    }
    more(text, "", lines.len(), most);
}

/// A heading, what was found, and once what to do where that is the same for all.
fn kind(text: &mut String, group: &[Finding], [title, one]: [&str; 2], most: usize) {
    let Some(first) = group.first() else { return };
    let files: usize = group.iter().map(|finding| finding.files.len()).sum();
    let size = if files > 0 { counted(files, one) } else { group.len().to_string() };
    // Writing to a String does not fail.
    let _ = writeln!(text, "{}: {title} ({size})", first.severity.name());
    let same =
        |part: fn(&Finding) -> &str| group.iter().all(|finding| part(finding) == part(first));
    let same_remedy = same(|finding| &finding.remedy);
    for finding in group.iter().take(most) {
        let after = if same_remedy { String::new() } else { format!("; {}", finding.remedy) };
        let what = visible(&format!("{}{after}", finding.what));
        match &finding.files[..] {
            [] => {
                let _ = writeln!(text, "  {what}");
            }
            [file] => {
                let _ = writeln!(text, "  {}: {what}", shown(file));
            }
            files => {
                let _ = writeln!(text, "  {what}:");
                for file in files.iter().take(most) {
                    let _ = writeln!(text, "    {}", shown(file));
                }
                more(text, "    ", files.len(), most);
            }
        }
    }
    more(text, "  ", group.len(), most);
    if same_remedy {
        let _ = writeln!(text, "  -> {}", visible(&first.remedy));
    }
    text.push('\n');
}

fn more(text: &mut String, indent: &str, count: usize, most: usize) {
    if count > most {
        let _ = writeln!(text, "{indent}and {} more", count - most);
    }
}

fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy())
}

/// On one line, with escapes for what a terminal would obey.
fn visible(text: &str) -> String {
    rekindle_base::visible(text, rekindle_base::Breaks::Escaped)
}
