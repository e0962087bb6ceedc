//! Findings about single files.

use std::path::{Path, PathBuf};

use rekindle_data::Target;
use rekindle_images::other_kind;

use crate::{
    DataLayout, Finding, Kind, Severity,
    case::{About, Case},
    header::{Format, Header},
    measure::{Look, Measured, Unreadable},
};

/// Something that a whole picture has, and many may have.
struct Property {
    kind: Kind,
    has: fn(&Header, &Look) -> bool,
    what: &'static str,
    remedy: &'static str,
}

/// What is good to know, a finding for all files that have it.
const PROPERTIES: &[Property] = &[
    Property {
        kind: Kind::Animated,
        has: |header, _| header.frames,
        what: "has several frames or pages",
        remedy: "only the first is taken: save the frame that shows the label",
    },
    Property {
        kind: Kind::Rotated,
        has: |header, _| header.rotated,
        what: "is turned or mirrored by its EXIF block",
        remedy: "that is applied here; other tools may not, so save it upright to be sure",
    },
    Property {
        kind: Kind::Alpha,
        has: |header, _| header.alpha,
        what: "has alpha",
        remedy: "it is dropped, and what was transparent shows: flatten it on the background you mean",
    },
    Property {
        kind: Kind::Cmyk,
        has: |header, _| header.cmyk,
        what: "is in CMYK",
        remedy: "it is converted without its color profile, so colors may be off: save it as sRGB",
    },
    Property {
        kind: Kind::SixteenBit,
        has: |header, _| header.sixteen,
        what: "has 16 bits a channel",
        remedy: "the high 8 are taken: where all is dark, stretch it before saving it with 8",
    },
    Property {
        kind: Kind::Grayscale,
        has: |_, look| look.gray,
        what: "has no color",
        remedy: "it is read as RGB with equal channels: see that labels do not differ by color alone",
    },
];

/// Most bytes of a file without a picture's name that are looked at.
const SNIFFED: usize = 64;

pub(crate) fn findings<L: Target>(case: &Case<'_, L>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (item, measured) in case.measured.iter().enumerate() {
        damage(case, item, measured, &mut findings);
        // Packed pictures have no name, and one size, which is their authors' choice.
        if case.contents.layout != DataLayout::Packed {
            names(case, item, measured, &mut findings);
            shape(case, item, measured, &mut findings);
        }
    }
    findings.extend(PROPERTIES.iter().filter_map(|property| with(case, property)));
    findings.extend(beside(case));
    findings
}

/// What cannot be decoded, or was cut short.
fn damage<L: Target>(
    case: &Case<'_, L>,
    item: usize,
    measured: &Measured,
    findings: &mut Vec<Finding>,
) {
    let cut = measured.header.cut;
    let (kind, severity, what, remedy) = match &measured.look {
        Ok(_) if !cut => return,
        Ok(_) => (
            Kind::Truncated,
            Severity::Warning,
            "its end is missing, though all that is shown was read".to_owned(),
            "save it again, or get it again from its source",
        ),
        Err(Unreadable { cause, .. }) if cut => (
            Kind::Truncated,
            Severity::Error,
            format!("cut short: {cause}"),
            "get it again from its source, or remove it",
        ),
        Err(Unreadable { cause, remedy }) => {
            (Kind::Unreadable, Severity::Error, cause.clone(), *remedy)
        }
    };
    let mut finding = case.finding(About { kind, severity }, &[item], what, remedy);
    if severity == Severity::Error {
        finding.left_out = case.files(&[item]);
    }
    findings.push(finding);
}

/// What its name says that it is not.
fn names<L: Target>(
    case: &Case<'_, L>,
    item: usize,
    measured: &Measured,
    findings: &mut Vec<Finding>,
) {
    let file = &case.contents.items[item].file;
    if file.to_str().is_none() {
        let what = format!("`{}` is not Unicode", file.to_string_lossy());
        let remedy = "rename it: manifests and reports cannot name it, so a manifest leaves it out";
        let mut finding = case.finding(
            About { kind: Kind::NotUnicode, severity: Severity::Warning },
            &[item],
            what,
            remedy,
        );
        finding.left_out = case.files(&[item]);
        findings.push(finding);
    }
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let named = extension.as_deref().and_then(Format::named);
    if let (Some(named), Some(found)) = (named, measured.format)
        && named != found
    {
        let ([named, _], [found, extension]) = (named.names(), found.names());
        let what = format!("named as {named}, but its content is {found}");
        let remedy =
            format!("it is read by its content; rename it to .{extension} for other tools");
        findings.push(case.finding(
            About { kind: Kind::WrongExtension, severity: Severity::Warning },
            &[item],
            what,
            remedy,
        ));
    }
}

fn shape<L: Target>(
    case: &Case<'_, L>,
    item: usize,
    measured: &Measured,
    findings: &mut Vec<Finding>,
) {
    let Ok(Look { width, height, .. }) = measured.look else { return };
    let (short, long) = (width.min(height), width.max(height));
    let options = case.options;
    if short < options.least_side {
        let what = format!("{width} x {height} pixels, less than {} on a side", options.least_side);
        let remedy =
            "blown up to a network's input it shows little: get a larger one, or remove it";
        findings.push(case.finding(
            About { kind: Kind::Tiny, severity: Severity::Warning },
            &[item],
            what,
            remedy,
        ));
    }
    let ratio = long as f64 / short as f64;
    if ratio > options.most_ratio {
        let what = format!("{width} x {height} pixels, {ratio:.1} to 1");
        let remedy = "a square crop sees a small part of it: crop it to what shows the label";
        findings.push(case.finding(
            About { kind: Kind::ExtremeRatio, severity: Severity::Warning },
            &[item],
            what,
            remedy,
        ));
    }
}

fn with<L: Target>(case: &Case<'_, L>, property: &Property) -> Option<Finding> {
    let has = |item: &usize| {
        let measured = &case.measured[*item];
        measured.look.as_ref().is_ok_and(|look| (property.has)(&measured.header, look))
    };
    let items: Vec<usize> = (0..case.measured.len()).filter(has).collect();
    // What all of a packed set have is how it was made, and tells nothing apart.
    let all = items.len() == case.measured.len() && case.contents.layout == DataLayout::Packed;
    if items.is_empty() || all {
        return None;
    }
    let what = property.what.to_owned();
    let mut finding = case.finding(
        About { kind: property.kind, severity: Severity::Note },
        &items,
        what,
        property.remedy,
    );
    // A network learns whatever tells labels apart.
    if let [only] = &finding.labels[..]
        && items.len() > 2
        && case.contents.names.len() > 1
    {
        finding.what += &format!(" (all {} are `{only}`)", items.len());
    }
    Some(finding)
}

/// What lies in the folder and is not read.
fn beside<L: Target>(case: &Case<'_, L>) -> Vec<Finding> {
    let about = |kind, severity, file: &Path, what: String, remedy: String| Finding {
        files: vec![file.to_owned()],
        ..Finding::new(kind, severity, what, remedy)
    };
    let mut findings = Vec::new();
    for (_, file) in &case.contents.loose {
        findings.push(about(
            Kind::Unlabelled,
            Severity::Warning,
            file,
            "lies beside the folders of labels".to_owned(),
            "it is not read: move it into the folder of its label, or remove it".to_owned(),
        ));
    }
    for (folder, count) in case.contents.unread.iter().filter(|(_, count)| *count > 0) {
        findings.push(about(
            Kind::Unlabelled,
            Severity::Warning,
            folder,
            format!("holds {count} pictures that are not read, as they are in no folder of labels of a part"),
            "put each into the folder of its label, or remove them".to_owned(),
        ));
    }
    let mut others: Vec<PathBuf> = Vec::new();
    for (path, file) in &case.contents.others {
        let start = start(path);
        let remedy = match (Format::of(&start), other_kind(&start)) {
            (Some(format), _) => {
                let [name, extension] = format.names();
                Some((format!("holds a picture ({name})"), format!("rename it to .{extension}")))
            }
            (None, Some(kind)) if kind.ends_with("picture") => {
                Some((format!("is {kind}"), "save it as JPEG or PNG".to_owned()))
            }
            _ => None,
        };
        match remedy {
            Some((what, remedy)) => {
                let remedy = format!("it is not read: {remedy}, or remove it");
                findings.push(about(Kind::Ignored, Severity::Warning, file, what, remedy));
            }
            None => others.push(file.clone()),
        }
    }
    if !others.is_empty() {
        others.sort_unstable();
        let what = "has no picture's name".to_owned();
        let remedy = "nothing need be done: it is not read".to_owned();
        let first = about(Kind::OtherFiles, Severity::Note, Path::new(""), what, remedy);
        findings.push(Finding { files: others, ..first });
    }
    findings
}

/// The first bytes of a file, or nothing of what is none.
fn start(path: &Path) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = Vec::new();
    if let Ok(file) = rekindle_base::open_regular(path) {
        // What cannot be read is of no known kind.
        let _ = file.take(SNIFFED as u64).read_to_end(&mut bytes);
    }
    bytes
}
