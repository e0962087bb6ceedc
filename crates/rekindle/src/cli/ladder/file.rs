//! The file that describes a ladder: candidates and rungs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::bail;
use rekindle::{
    InputKind, Inputs, Pictures,
    checkpoint::CheckpointFile,
    transfer::{Plan, Recipe},
};
use serde::Deserialize;

use super::super::{
    augment::Augmentation,
    kind::Kind,
    numbers::{BATCH, EPOCHS},
    output::causes,
    read_plan,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ladder {
    pub(super) data: PathBuf,
    /// Columns of numbers to learn, in place of labels.
    #[serde(default)]
    pub(super) targets: Vec<String>,
    /// Columns of texts, and of their labels, where they are not called as usual.
    #[serde(default)]
    pub(super) text: Vec<String>,
    pub(super) label: Option<String>,
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) candidates: Vec<Candidate>,
    pub(super) rungs: Vec<Rung>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) model: Option<String>,
    pub(super) weights: Option<PathBuf>,
    /// A file of several inputs, in place of a model.
    pub(super) inputs: Option<PathBuf>,
    #[serde(default = "head")]
    pub(super) recipe: String,
    pub(super) plan: Option<PathBuf>,
    #[serde(default = "five")]
    pub(super) epochs: usize,
    pub(super) lr: Option<f64>,
    #[serde(default = "batch")]
    pub(super) batch: usize,
    /// As `rekindle finetune --augment` takes it.
    pub(super) augment: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rung {
    pub(super) classes: f64,
    pub(super) pictures: f64,
    #[serde(default = "all")]
    pub(super) keep: f64,
}

fn head() -> String {
    "head".to_owned()
}

fn five() -> usize {
    5
}

fn batch() -> usize {
    32
}

fn all() -> f64 {
    1.0
}

/// The most letters of a candidate's name: with a rung before it, a folder's name on every system.
const LONGEST_NAME: usize = 100;

/// The folder of a candidate's run on a rung, in that of the ladder.
pub(super) fn folder(rung: usize, candidate: &str) -> String {
    format!("{rung}-{candidate}")
}

/// Why a candidate cannot be called so: its run's folder is, and is to lie in the ladder's own.
fn misnamed(name: &str) -> Option<String> {
    // Whatever the system, so that a ladder is the same on all.
    const PARTS: [char; 3] = ['/', '\\', ':'];
    let problem = match name {
        "" => "it has no name".to_owned(),
        _ if name.chars().count() > LONGEST_NAME => {
            format!("its name is longer than {LONGEST_NAME} letters")
        }
        _ if name.contains(PARTS) => {
            "its name has a `/`, `\\` or `:`, of which no folder is called".to_owned()
        }
        _ if name.contains(rekindle_base::is_obeyed) || name.contains(['\n', '\t']) => {
            "its name has characters that are not shown, of which no folder is called".to_owned()
        }
        _ => return None,
    };
    Some(problem + "; name it with letters, digits and spaces")
}

impl Ladder {
    /// Everything that is wrong, at once.
    pub(super) fn check(&self, root: &Path) -> anyhow::Result<()> {
        let mut problems = Vec::new();
        if self.candidates.is_empty() || self.rungs.is_empty() {
            problems.push("there must be candidates and rungs".to_owned());
        }
        for (index, rung) in self.rungs.iter().enumerate() {
            for (name, share) in
                [("classes", rung.classes), ("pictures", rung.pictures), ("keep", rung.keep)]
            {
                if !(share > 0.0 && share <= 1.0) {
                    problems.push(format!(
                        "rung {}: {name} = {share} is no share in (0, 1]",
                        index + 1
                    ));
                }
            }
        }
        let mut names: Vec<&str> =
            self.candidates.iter().map(|candidate| candidate.name.as_str()).collect();
        names.sort_unstable();
        for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            problems.push(format!("two candidates are called `{}`", pair[0]));
        }
        for candidate in &self.candidates {
            problems.extend(
                candidate
                    .problems(root)
                    .map(|problem| format!("candidate `{}`: {problem}", candidate.name)),
            );
        }
        if problems.is_empty() {
            Ok(())
        } else {
            bail!("the ladder cannot be climbed: {}", problems.join("; "))
        }
    }
}

impl Candidate {
    /// What is known to be wrong before anything is trained.
    fn problems(&self, root: &Path) -> impl Iterator<Item = String> {
        let epochs = (!EPOCHS.contains(&self.epochs)).then(|| {
            format!("epochs = {} is not in {} to {}", self.epochs, EPOCHS.start(), EPOCHS.end())
        });
        // Of whatever kind: what a kind has of its own is right.
        let plan = self.plan::<Pictures>(root).err().map(|error| causes(&error));
        let augment = self.augment().err().map(|error| error.to_string());
        let batch = (!BATCH.contains(&self.batch)).then(|| {
            format!(
                "the batch size is {}; it goes from {} to {}",
                self.batch,
                BATCH.start(),
                BATCH.end()
            )
        });
        let missing =
            self.weights.as_ref().map(|path| root.join(path)).filter(|path| !path.exists());
        let missing = missing.map(|path| format!("{}: is not there", path.display()));
        let named = self.model.is_some() || self.weights.is_some();
        let nothing = match (named, &self.inputs) {
            (false, None) => Some("it names no model, no weights and no inputs".to_owned()),
            (true, Some(_)) => Some("it names inputs beside a model; leave one out".to_owned()),
            _ => None,
        };
        let name = misnamed(&self.name);
        [name, epochs, plan, augment, batch, missing, nothing].into_iter().flatten()
    }

    /// What is drawn for pictures, if something is asked for.
    pub(super) fn augment(&self) -> anyhow::Result<Option<Augmentation>> {
        let known = |name: &String| {
            <Augmentation as clap::ValueEnum>::from_str(name, true)
                .map_err(|_| anyhow::anyhow!("unknown augmentation `{name}`"))
        };
        self.augment.as_ref().map(known).transpose()
    }

    /// Its inputs, where it names some.
    pub(super) fn inputs(&self, root: &Path) -> anyhow::Result<Option<Inputs>> {
        Ok(self.inputs.as_ref().map(|path| Inputs::read(&root.join(path))).transpose()?)
    }

    /// Which kind of input its model takes.
    pub(super) fn kind(&self, root: &Path) -> anyhow::Result<InputKind> {
        if self.inputs.is_some() {
            return Ok(InputKind::Several);
        }
        Ok(InputKind::of(self.model.as_deref(), self.opened(root)?.as_ref())?)
    }

    /// Its weights, where it names a file or a folder of them.
    pub(super) fn opened(&self, root: &Path) -> anyhow::Result<Option<CheckpointFile>> {
        let weights = self.weights.as_ref().map(|path| CheckpointFile::open(&root.join(path)));
        Ok(weights.transpose()?)
    }

    /// What is trained when.
    pub(super) fn plan<M: Kind>(&self, root: &Path) -> anyhow::Result<Plan> {
        let recipe = match &self.plan {
            Some(path) => Recipe::Train(read_plan(&root.join(path))?),
            None => M::recipe(&self.recipe, self.epochs, self.lr)?,
        };
        match recipe {
            Recipe::Train(plan) => Ok(plan),
            Recipe::Probe | Recipe::AsIs => {
                bail!("`{}` trains nothing; name a recipe with phases", self.recipe)
            }
        }
    }

    /// What a run of it depends on, besides the data.
    pub(super) fn key<M: Kind>(
        &self,
        root: &Path,
        inputs: Option<&Inputs>,
    ) -> anyhow::Result<String> {
        let Self { model, weights, batch, augment, .. } = self;
        let plan = serde_json::to_string(&self.plan::<M>(root)?)?;
        // Other weights of the same name are almost always of another length or time.
        let stamp = |path: PathBuf| {
            let file = if path.is_dir() { path.join("model.safetensors") } else { path };
            let file = fs::metadata(file).ok()?;
            Some((file.len(), file.modified().ok()?))
        };
        let inputs = match (inputs, &self.inputs) {
            (Some(inputs), Some(path)) => {
                let text = fs::read_to_string(root.join(path))?;
                let stamps: Vec<_> = inputs.weights().map(|path| stamp(path.to_owned())).collect();
                format!(" {text:?} {stamps:?}")
            }
            _ => String::new(),
        };
        let stamp = weights.as_ref().and_then(|path| stamp(root.join(path)));
        let augment = augment.as_deref().unwrap_or("usual");
        Ok(format!("{model:?} {weights:?} {stamp:?} {batch} {augment} {plan}{inputs}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidates_folder_lies_in_the_ladders() {
        for name in ["head", "resnet18.a1_in1k, head", "lr > 0.1 (übrig)", "..", ".", "a..b", "-x"]
        {
            assert_eq!(misnamed(name), None, "{name}");
            let path = Path::new("out").join(folder(3, name));
            assert_eq!(path.parent(), Some(Path::new("out")), "{name}");
            assert!(path.file_name().is_some_and(|last| last == folder(3, name).as_str()));
        }
        let long = "x".repeat(LONGEST_NAME + 1);
        for name in [
            "",
            "x/../../y",
            "x/y",
            "/x",
            "..\\..\\y",
            "x:y",
            "a\0b",
            "a\nb",
            "a\tb",
            "\u{1b}[31m",
            "\u{202e}x",
            &long,
        ] {
            assert!(misnamed(name).is_some(), "{name:?}");
        }
        assert_eq!(misnamed(&long[1..]), None);
    }
}
