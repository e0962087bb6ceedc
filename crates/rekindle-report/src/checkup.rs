//! What is wrong with the data, by kind, with the examples that it is about: on a page, or on that of a run.

use crate::{
    Checkup, CheckupFinding, CheckupGroup, ItemKind, Thumbnail,
    markup::{counted, data_uri, escape},
    page::{data, document, layout, plain, section},
};

/// The findings as one page of HTML. It fetches nothing and reads the same with scripts turned off.
pub fn checkup(checkup: &Checkup) -> String {
    let lead = match checkup.lead.as_str() {
        "" => String::new(),
        lead => format!("<p class=\"lead\">{}</p>\n", escape(lead)),
    };
    let mut sections = Vec::new();
    for (place, group) in shown(checkup).enumerate() {
        sections.push(section(
            &format!("kind-{place}"),
            &title(group),
            &content(group, checkup.items),
        ));
    }
    sections.push(section("data", "Data", &data(checkup.data.as_deref(), checkup.items)));
    document(&checkup.title, &lead, &sections)
}

/// The findings as a part of a run's page: what came out, then each kind, to be opened.
pub(crate) fn findings(checkup: Option<&Checkup>) -> String {
    let Some(checkup) = checkup else { return String::new() };
    let kind = |group: &CheckupGroup| {
        let (title, content) = (escape(&title(group)), content(group, checkup.items));
        format!("<details><summary>{title}</summary>\n{content}</details>\n")
    };
    let kinds: String = shown(checkup).map(kind).collect();
    format!("<p>{}</p>\n{kinds}", escape(&checkup.lead))
}

fn shown(checkup: &Checkup) -> impl Iterator<Item = &CheckupGroup> {
    checkup.groups.iter().filter(|group| !group.findings.is_empty())
}

/// What they are, and how many.
fn title(group: &CheckupGroup) -> String {
    let CheckupGroup { title, severity, findings, more } = group;
    let all = findings.len().saturating_add(*more);
    format!("{title} ({})", counted(all, severity, &format!("{severity}s")))
}

/// Findings of one example each are cards of one gallery; others have their own.
fn content(group: &CheckupGroup, items: ItemKind) -> String {
    let single = |finding: &CheckupFinding| finding.pictures.len() == 1 && finding.more == 0;
    if group.findings.iter().all(single) {
        let cards = group.findings.iter().flat_map(|finding| {
            finding.pictures.iter().map(|thumbnail| card(thumbnail, &finding.text, items))
        });
        return gallery(&cards.collect::<String>(), items) + &more(group.more);
    }
    let finding = |finding: &CheckupFinding| {
        let cards: String = finding.pictures.iter().map(|it| card(it, "", items)).collect();
        format!(
            "<p>{}</p>\n{}{}",
            escape(&finding.text),
            gallery(&cards, items),
            more(finding.more)
        )
    };
    group.findings.iter().map(finding).collect::<String>() + &more(group.more)
}

fn gallery(cards: &str, items: ItemKind) -> String {
    match cards {
        "" => String::new(),
        cards => format!("<div class=\"{}\">{cards}</div>\n", layout(items)),
    }
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!("<p>and {count} more</p>\n") }
}

fn card(thumbnail: &Thumbnail, text: &str, items: ItemKind) -> String {
    let (file, label) = (escape(&thumbnail.file), escape(&thumbnail.label));
    let shown = match (items, data_uri(&thumbnail.image)) {
        (ItemKind::Texts, _) => plain(&thumbnail.text),
        (_, Some(address)) => {
            format!("<div class=\"pair\"><img src=\"{address}\" alt=\"{file}\"></div>")
        }
        (ItemKind::Pictures, None) => {
            "<div class=\"pair\"><span class=\"missing\">cannot be shown</span></div>".to_owned()
        }
        (_, None) => String::new(),
    };
    let label = match label.as_str() {
        "" => String::new(),
        label => format!("<span class=\"label\">is <b>{label}</b></span>"),
    };
    let text = escape(text);
    format!(
        "<figure class=\"card\">{shown}<figcaption>\
         <span class=\"file\" title=\"{file}\">{file}</span>{label}{text}</figcaption></figure>\n"
    )
}
