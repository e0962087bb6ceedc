//! What is wrong with a folder of pictures, on one page: by kind, with the pictures that it is about.

use crate::{
    Data,
    markup::{counted, data_uri, escape},
    page::{data, document, section},
};

/// What was found in a folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkup {
    /// What the page is called.
    pub title: String,
    /// What came out, in one sentence.
    pub lead: String,
    /// What there is of each label.
    pub data: Option<Data>,
    /// What was found, in the order to be shown.
    pub groups: Vec<CheckupGroup>,
}

/// Findings of one kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CheckupGroup {
    /// What they are.
    pub title: String,
    /// How bad they are, in a word.
    pub severity: String,
    /// The findings to show.
    pub findings: Vec<CheckupFinding>,
    /// How many there are beside them.
    pub more: usize,
}

/// One finding.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CheckupFinding {
    /// What it is and what to do.
    pub text: String,
    /// The pictures that it is about.
    pub pictures: Vec<Thumbnail>,
    /// How many there are beside them.
    pub more: usize,
}

/// A small picture of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thumbnail {
    /// The file.
    pub file: String,
    /// Its label, if it has one.
    pub label: String,
    /// A JPEG, PNG, GIF or WebP file; empty where the picture cannot be shown.
    pub image: Vec<u8>,
}

/// The findings as one page of HTML. It fetches nothing and reads the same with scripts turned off.
pub fn checkup(checkup: &Checkup) -> String {
    let lead = match checkup.lead.as_str() {
        "" => String::new(),
        lead => format!("<p class=\"lead\">{}</p>\n", escape(lead)),
    };
    let groups = checkup.groups.iter().filter(|group| !group.findings.is_empty());
    let mut sections = Vec::new();
    for (place, group) in groups.enumerate() {
        let all = group.findings.len().saturating_add(group.more);
        let title = format!(
            "{} ({})",
            group.title,
            counted(all, &group.severity, &(group.severity.clone() + "s"))
        );
        sections.push(section(&format!("kind-{place}"), &title, &content(group)));
    }
    sections.push(section("data", "Data", &data(checkup.data.as_ref())));
    document(&checkup.title, &lead, &sections)
}

/// Findings of one picture each are cards of one gallery; others have their own.
fn content(group: &CheckupGroup) -> String {
    let single = |finding: &CheckupFinding| finding.pictures.len() == 1 && finding.more == 0;
    if group.findings.iter().all(single) {
        let cards = group.findings.iter().flat_map(|finding| {
            finding.pictures.iter().map(|thumbnail| card(thumbnail, &finding.text))
        });
        return gallery(&cards.collect::<String>()) + &more(group.more);
    }
    let finding = |finding: &CheckupFinding| {
        let cards: String = finding.pictures.iter().map(|it| card(it, "")).collect();
        format!("<p>{}</p>\n{}{}", escape(&finding.text), gallery(&cards), more(finding.more))
    };
    group.findings.iter().map(finding).collect::<String>() + &more(group.more)
}

fn gallery(cards: &str) -> String {
    match cards {
        "" => String::new(),
        cards => format!("<div class=\"gallery\">{cards}</div>\n"),
    }
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!("<p>and {count} more</p>\n") }
}

fn card(thumbnail: &Thumbnail, text: &str) -> String {
    let (file, label) = (escape(&thumbnail.file), escape(&thumbnail.label));
    let image = match data_uri(&thumbnail.image) {
        Some(address) => format!("<img src=\"{address}\" alt=\"{file}\">"),
        None => "<span class=\"missing\">cannot be shown</span>".to_owned(),
    };
    let label = match label.as_str() {
        "" => String::new(),
        label => format!("<span class=\"label\">is <b>{label}</b></span>"),
    };
    let text = escape(text);
    format!(
        "<figure class=\"card\"><div class=\"pair\">{image}</div><figcaption>\
         <span class=\"file\" title=\"{file}\">{file}</span>{label}{text}</figcaption></figure>\n"
    )
}
