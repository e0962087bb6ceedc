//! What an examination found, as data.

use std::path::PathBuf;

use rekindle_data::Part;
use serde::{Deserialize, Serialize};

use crate::noun::{Noun, PICTURES, TEXTS};

/// What kind of thing was found, roughly from what spoils a run to what is good to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file that cannot be decoded.
    Unreadable,
    /// A file that was cut short.
    Truncated,
    /// One picture under two labels.
    TwoLabels,
    /// One picture with two sets of labels.
    DifferentLabels,
    /// One picture with two values of a number.
    DifferentNumbers,
    /// A picture for which a number is missing that is learned.
    MissingNumber,
    /// A number that is the same for all pictures of a part.
    ConstantNumber,
    /// One picture in two parts of the data.
    Leak,
    /// Pictures that a list says belong together, in two parts of the data.
    TornGroup,
    /// A label without pictures.
    EmptyLabel,
    /// A label that one part of the data has and another has not.
    MissingLabel,
    /// There is nothing to tell apart.
    OneLabel,
    /// A label that the pictures most like it contradict.
    LabelError,
    /// A number far from those of the pictures most like it.
    NumberError,
    /// A number far from where most of its column lie.
    Outlier,
    /// A number that lies elsewhere in one part of the data than in what is trained on.
    DifferentRanges,
    /// Labels that are on the same pictures, always.
    AlwaysTogether,
    /// A label that every picture has.
    EveryPicture,
    /// Labels that differ by case, space or Unicode's ways to write the same.
    SimilarLabels,
    /// The same bytes twice.
    ExactDuplicate,
    /// The same picture twice: saved again, resized, or taken a moment later.
    NearDuplicate,
    /// A label with far fewer pictures than another.
    Imbalance,
    /// A label with fewer pictures than the plan needs.
    TooFew,
    /// The content is of another format than the name says.
    WrongExtension,
    /// A picture that is not read because of its name.
    Ignored,
    /// A picture beside the folders of labels.
    Unlabelled,
    /// A name that is not Unicode.
    NotUnicode,
    /// A picture of few pixels.
    Tiny,
    /// A picture that is very long or very high.
    ExtremeRatio,
    /// More than one frame, of which the first is taken.
    Animated,
    /// Turned by its EXIF block.
    Rotated,
    /// With alpha, which is dropped.
    Alpha,
    /// In the colors of print.
    Cmyk,
    /// 16 bits a channel, of which 8 are taken.
    SixteenBit,
    /// Shades of gray alone.
    Grayscale,
    /// A picture that has none of several labels.
    NoLabel,
    /// Files that are no pictures.
    OtherFiles,
    /// A text without a word.
    EmptyText,
    /// A text that was read in another encoding than it was written in, or lost letters in one.
    Encoding,
    /// A text with markup of HTML in it.
    Markup,
    /// A word with letters of two scripts.
    MixedScript,
    /// Texts in other scripts than most.
    OtherScript,
    /// A text of which the end is not read.
    LongText,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Training stops at it, or learns or measures something false.
    Error,
    /// Likely to cost accuracy, or to be a mistake.
    Warning,
    /// Good to know.
    Note,
}

/// How the pictures are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataLayout {
    /// A file each, in one folder a label.
    Folders,
    /// A file each, named by a [list](rekindle_data::manifest).
    List,
    /// Many in a file, as [MNIST, CIFAR](rekindle_images::packed) and [strips](rekindle_images::strips) have them.
    Packed,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Of which kind.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// The pictures that it is about, named as in [`Examined::file`]; none where it is about labels.
    #[serde(serialize_with = "lossy::many")]
    pub files: Vec<PathBuf>,
    /// The labels or columns of numbers that it is about, in order; of a [`Kind::LabelError`] its own, then the one that
    /// neighbors have, or of several the one that is doubted.
    pub labels: Vec<String>,
    /// What it is.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// Those of the files that a manifest leaves out.
    #[serde(serialize_with = "lossy::many")]
    pub left_out: Vec<PathBuf>,
    /// Of a [`Kind::LabelError`], how far the share of the votes for another answer is above that for its own, in `[0, 1]`; of
    /// a [`Kind::NumberError`], how many times the usual one its difference from its neighbors is; of a [`Kind::Outlier`], how
    /// many times the range of the middle half it lies beyond that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

/// A picture or a text that was examined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Examined {
    /// Its file, relative to the folder or the list's folder where it lies below it; in packed files `FILE#ROW`, counted from
    /// 0; of a text that is no file `LIST:LINE`.
    #[serde(serialize_with = "lossy::one")]
    pub file: PathBuf,
    /// Its label; several are separated by `|`, and where numbers are learned there is none.
    pub label: String,
    /// Its numbers, one a column, none where one is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<Option<f32>>,
    /// The part of the data that it is in: `train`, `val` or `test`; `train` where the folder is not divided.
    pub split: String,
}

/// How many pictures a label has, the unreadable ones too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCount {
    /// The label.
    pub label: String,
    /// To train on.
    pub train: usize,
    /// To validate on.
    pub val: usize,
    /// To test on.
    pub test: usize,
}

/// Where the values of a column of numbers lie, in each part that has any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberSpread {
    /// The column.
    pub name: String,
    /// To train on.
    pub train: Option<Spread>,
    /// To validate on.
    pub val: Option<Spread>,
    /// To test on.
    pub test: Option<Spread>,
}

/// Where values lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// The least.
    pub low: f32,
    /// What a quarter, a half and three quarters are below, linear between values.
    pub quartiles: [f32; 3],
    /// The greatest.
    pub high: f32,
}

/// How texts are read from a list, or the lists of a folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TextColumns {
    /// The columns of texts, where they are named.
    pub text: Vec<String>,
    /// The column of the label or labels, where it is named.
    pub label: Option<String>,
    /// The columns of numbers, where those are learned.
    pub targets: Vec<String>,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The folder, or the list.
    #[serde(serialize_with = "lossy::one")]
    pub folder: PathBuf,
    /// How its pictures or texts are kept.
    pub layout: DataLayout,
    /// Of texts, how they are read; none where it is about pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<TextColumns>,
    /// The files, or rows of files, that were taken as pictures, by part, label and name.
    pub examined: Vec<Examined>,
    /// What a list calls the columns of what is learned: `label`, `labels`, or those of numbers.
    pub columns: Vec<String>,
    /// The labels and how many pictures they have, in order; none where numbers are learned.
    pub labels: Vec<LabelCount>,
    /// Where numbers lie, one a column; none where labels are learned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<NumberSpread>,
    /// What was found: the worst first, then by kind and file.
    pub findings: Vec<Finding>,
}

impl Kind {
    /// A heading for several of them.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unreadable => "cannot be read",
            Self::Truncated => "cut short",
            Self::TwoLabels => "one picture under two labels",
            Self::DifferentLabels => "one picture with other labels",
            Self::DifferentNumbers => "one picture with other numbers",
            Self::MissingNumber => "numbers that are missing",
            Self::ConstantNumber => "numbers that never change",
            Self::Leak => "one picture in two parts of the data",
            Self::TornGroup => "groups in two parts of the data",
            Self::EmptyLabel => "labels without pictures",
            Self::MissingLabel => "labels that a part lacks",
            Self::OneLabel => "nothing to tell apart",
            Self::LabelError => "labels that similar pictures contradict",
            Self::NumberError => "numbers that similar pictures contradict",
            Self::Outlier => "outliers",
            Self::DifferentRanges => "numbers that lie elsewhere in a part",
            Self::AlwaysTogether => "labels that are always together",
            Self::EveryPicture => "labels that every picture has",
            Self::SimilarLabels => "labels that are almost the same",
            Self::ExactDuplicate => "exact duplicates",
            Self::NearDuplicate => "near duplicates",
            Self::Imbalance => "imbalance",
            Self::TooFew => "too few pictures",
            Self::WrongExtension => "wrong extensions",
            Self::Ignored => "pictures that are not read",
            Self::Unlabelled => "pictures without a label",
            Self::NotUnicode => "names that are not Unicode",
            Self::Tiny => "tiny pictures",
            Self::ExtremeRatio => "very long or high pictures",
            Self::Animated => "several frames",
            Self::Rotated => "turned by EXIF",
            Self::Alpha => "alpha",
            Self::Cmyk => "CMYK",
            Self::SixteenBit => "16 bits a channel",
            Self::Grayscale => "grayscale",
            Self::NoLabel => "pictures without any label",
            Self::OtherFiles => "other files",
            Self::EmptyText => "texts without a word",
            Self::Encoding => "wrong encodings",
            Self::Markup => "markup",
            Self::MixedScript => "words in two scripts",
            Self::OtherScript => "other scripts",
            Self::LongText => "long texts",
        }
    }
}

impl Severity {
    /// As it is written before what was found.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl Finding {
    /// About nothing by name yet.
    pub(crate) fn new(
        kind: Kind,
        severity: Severity,
        what: String,
        remedy: impl Into<String>,
    ) -> Self {
        let (files, labels, left_out, remedy) = (Vec::new(), Vec::new(), Vec::new(), remedy.into());
        Self { kind, severity, files, labels, what, remedy, left_out, score: None }
    }

    /// What it is and what to do, as one sentence.
    pub fn sentence(&self) -> String {
        format!("{}; {}", self.what, self.remedy)
    }
}

impl Diagnosis {
    /// What it is about: pictures or texts.
    pub(crate) fn noun(&self) -> Noun {
        if self.texts.is_some() { TEXTS } else { PICTURES }
    }

    /// A heading for findings of a kind.
    pub(crate) fn title(&self, kind: Kind) -> String {
        match self.texts {
            Some(_) => kind.title().replace("picture", "text"),
            None => kind.title().to_owned(),
        }
    }

    /// How many findings are so bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// The findings by severity and kind, in order.
    pub fn groups(&self) -> impl Iterator<Item = &[Finding]> {
        let same = |one: &Finding, other: &Finding| {
            (one.severity, one.kind) == (other.severity, other.kind)
        };
        self.findings.chunk_by(same)
    }

    /// How many files were taken as pictures of a part.
    pub fn examined_in(&self, part: Part) -> usize {
        self.examined.iter().filter(|examined| examined.split == part.name()).count()
    }
}

/// Paths as text: what is not Unicode in them is replaced, as JSON cannot hold it.
mod lossy {
    use std::path::{Path, PathBuf};

    use serde::Serializer;

    pub(super) fn one<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&path.to_string_lossy())
    }

    pub(super) fn many<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
    }
}
