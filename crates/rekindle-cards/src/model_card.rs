//! The README.md of a fine-tuned model's repository: what the Hub, timm and a reader must know of it.
//!
//! Nothing of the machine that trained it goes in: a data set is named by its folder's last part, and no
//! command and no path is quoted.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

mod hub_task;
mod measured;
mod usage;

pub use measured::{CardEvaluation, CardMetric, CardUnit};

use crate::{Error, HubConfig, TaskSpec, Terms, license};
use hub_task::HubTask;

/// What is said of a model in its repository.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCard {
    /// Where it will be: `owner/name`.
    pub repository: String,
    /// Architecture, labels, preprocessing, and the license it is passed on under.
    pub config: HubConfig,
    /// The weights that training began with, of several inputs those of each; none where it began with nothing.
    pub bases: Vec<Base>,
    /// What it learned from, where that is known.
    pub data: Option<LearnedFrom>,
    /// What it reaches, the last set named first in the summary.
    pub measured: Vec<CardEvaluation>,
    /// How it was trained, a line each.
    pub training: Vec<String>,
}

/// Weights that training began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// What they are called: `resnet18.a1_in1k`.
    pub name: String,
    /// Their Hub repository, if they have one.
    pub repository: Option<String>,
    /// Their license; `None` where none is stated.
    pub license: Option<String>,
}

/// What a model learned from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedFrom {
    /// The data set's name, which is no path.
    pub name: String,
    /// A row a class, in the order of the labels: examples trained on, validated on and tested on.
    pub classes: Vec<(String, [usize; 3])>,
}

/// Most classes that are listed one by one.
const LISTED: usize = 100;

impl ModelCard {
    /// The text of `README.md`.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = self.front_matter();
        // Writing to a string does not fail.
        let _ = self.body(&mut text);
        text
    }

    /// The metadata that the Hub reads. A text in JSON's quotes is one in YAML's.
    fn front_matter(&self) -> String {
        let mut text = "---\n".to_owned();
        if let Some(name) = &self.config.license {
            match license::is_known(name) {
                true => line(&mut text, format_args!("license: {name}")),
                false => {
                    line(&mut text, format_args!("license: other\nlicense_name: {}", quoted(name)));
                }
            }
        }
        let HubTask { library, task, pipeline, tags } = HubTask::of(&self.config);
        line(&mut text, format_args!("library_name: {library}"));
        if pipeline {
            line(&mut text, format_args!("pipeline_tag: {task}"));
        }
        text.push_str("tags:\n");
        for tag in tags {
            line(&mut text, format_args!("- {tag}"));
        }
        let bases = self.bases.iter().filter_map(|base| base.repository.as_deref());
        match bases.map(quoted).collect::<Vec<_>>().as_slice() {
            [] => {}
            [base] => {
                line(&mut text, format_args!("base_model: {base}\nbase_model_relation: finetune"));
            }
            bases => {
                let bases = bases.join("\n- ");
                line(&mut text, format_args!("base_model:\n- {bases}"));
            }
        }
        if let Some(measured) = self.measured.first() {
            text.push_str("metrics:\n");
            for metric in &measured.metrics {
                line(&mut text, format_args!("- {}", metric.name));
            }
        }
        if let (Some(data), false) = (&self.data, self.measured.is_empty()) {
            line(&mut text, format_args!("model-index:\n- name: {}", quoted(self.short_name())));
            text.push_str("  results:\n");
            for measured in &self.measured {
                let (name, set) = (quoted(&data.name), quoted(&measured.set));
                line(&mut text, format_args!("  - task:\n      type: {task}"));
                line(
                    &mut text,
                    format_args!("    dataset:\n      name: {name}\n      type: {name}"),
                );
                line(&mut text, format_args!("      split: {set}\n    metrics:"));
                for CardMetric { name, value, .. } in &measured.metrics {
                    line(&mut text, format_args!("    - type: {name}\n      value: {value:.4}"));
                }
            }
        }
        text.push_str("---\n\n");
        text
    }

    fn body(&self, text: &mut String) -> std::fmt::Result {
        let config = &self.config;
        writeln!(text, "# {}\n", plain(self.short_name()))?;
        let bases: Vec<String> = self.bases.iter().map(Base::shown).collect();
        let (how, from) = match bases.is_empty() {
            false => ("fine-tuned", bases.join(" and ")),
            true => ("trained", "nothing".to_owned()),
        };
        let on = self.data.as_ref().map(|data| format!(" on {}", plain(&data.name)));
        let [one, many] = config.input.nouns();
        let answers = match &config.task {
            TaskSpec::SingleLabel if config.classes == 0 => format!("turns {many} into vectors"),
            TaskSpec::SingleLabel => format!("tells {} classes apart", config.classes),
            TaskSpec::MultiLabel { .. } => format!("gives any of {} labels", config.classes),
            TaskSpec::Regression { targets, .. } => {
                let names: Vec<_> = targets.iter().map(|target| plain(&target.name)).collect();
                format!("predicts {}", names.join(", "))
            }
        };
        writeln!(
            text,
            "{} {} that {answers}, {how}{} from {from}.\n",
            article(&config.architecture),
            plain(&config.architecture),
            on.unwrap_or_default(),
        )?;
        self.results(text)?;
        self.answers(text)?;
        self.classes(text, one)?;
        self.input(text)?;
        if !self.training.is_empty() {
            writeln!(text, "## Training\n")?;
            for step in &self.training {
                writeln!(text, "- {}", plain(step))?;
            }
            writeln!(text)?;
        }
        self.usage(text)?;
        self.terms(text)
    }

    fn classes(&self, text: &mut String, one: &str) -> std::fmt::Result {
        let Some(data) = self.data.as_ref().filter(|data| !data.classes.is_empty()) else {
            return Ok(());
        };
        writeln!(text, "## What it learned from\n")?;
        writeln!(text, "| class | trained on | validated on | tested on |\n|---|---|---|---|")?;
        for (name, [train, validation, test]) in data.classes.iter().take(LISTED) {
            writeln!(text, "| {} | {train} | {validation} | {test} |", plain(name))?;
        }
        let more = data.classes.len().saturating_sub(LISTED);
        let rest = if more > 0 { format!(", {more} classes not shown") } else { String::new() };
        // What has several labels would be counted several times.
        if matches!(self.config.task, TaskSpec::MultiLabel { .. }) {
            let article = article(one);
            return writeln!(text, "\n{article} {one} may have any number of them{rest}.\n");
        }
        let total = |place: usize| -> usize {
            data.classes.iter().filter_map(|(_, counts)| counts.get(place)).sum()
        };
        writeln!(text, "| all{rest} | {} | {} | {} |\n", total(0), total(1), total(2))
    }

    fn terms(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "## License\n")?;
        match &self.config.license {
            Some(license) => write!(text, "{}", plain(license))?,
            None => write!(text, "None is stated")?,
        }
        match self.bases.as_slice() {
            [] => writeln!(text, ".")?,
            [Base { license, .. }] => match license.as_deref().map(plain) {
                Some(license) => {
                    writeln!(text, "; the weights it was made from are under {license}.")?;
                }
                None => writeln!(text, "; the weights it was made from state none.")?,
            },
            bases => {
                writeln!(
                    text,
                    "; the weights it was made from are under licenses of their own:\n"
                )?;
                for Base { name, license, .. } in bases {
                    let stated = license.as_deref().map(plain);
                    let license = stated.unwrap_or_else(|| "none is stated".to_owned());
                    writeln!(text, "- {}: {license}", plain(name))?;
                }
            }
        }
        if let Some(restriction) = license::restriction(self.config.license.as_deref()) {
            writeln!(text, "\nThis license {restriction}.")?;
        }
        Ok(())
    }

    fn short_name(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or(&self.repository)
    }
}

impl Base {
    /// The license that what was made from these weights is passed on under: the one `asked` for, else the
    /// weights' own.
    ///
    /// # Errors
    ///
    /// [`Error::FreerLicense`] where the one asked for allows what the weights' own does not, and
    /// [`Error::NoLicense`] where the weights state none: then nobody may pass on what was made from them.
    pub fn license_of_derived(&self, asked: Option<&str>) -> Result<String, Error> {
        let own = self
            .license
            .as_deref()
            .filter(|_| Terms::of(self.license.as_deref()) != Terms::Unstated);
        let own = own.ok_or_else(|| Error::NoLicense { name: self.name.clone() })?;
        let license = asked.unwrap_or(own).to_ascii_lowercase();
        if license::may_follow(own, &license) {
            return Ok(license);
        }
        Err(Error::FreerLicense { name: self.name.clone(), own: own.to_owned(), license })
    }

    /// The same of what was made from all of these: where none is asked for, the license of one of them that may follow those
    /// of all others, a restrictive one before a permissive one.
    ///
    /// # Errors
    ///
    /// Those of [`license_of_derived`](Self::license_of_derived), of whichever does not agree.
    pub fn license_of_all(bases: &[Self], asked: Option<&str>) -> Result<Option<String>, Error> {
        let agreed = |asked: Option<&str>| -> Result<Option<String>, Error> {
            bases.iter().try_fold(None, |_, base| base.license_of_derived(asked).map(Some))
        };
        if asked.is_some() || bases.len() < 2 {
            return agreed(asked);
        }
        let permissive = |base: &&Self| Terms::of(base.license.as_deref()) == Terms::Permissive;
        let (free, bound): (Vec<&Self>, Vec<&Self>) = bases.iter().partition(permissive);
        let found = bound.into_iter().chain(free).map(|base| agreed(base.license.as_deref()));
        found.reduce(Result::or).unwrap_or(Ok(None))
    }

    /// The name, as a link where there is somewhere to go.
    fn shown(&self) -> String {
        match &self.repository {
            Some(repository) => {
                format!("[{}](https://huggingface.co/{repository})", plain(&self.name))
            }
            None => plain(&self.name),
        }
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
    text.push('\n');
}

/// The indefinite article that a word takes, at the beginning of a sentence.
fn article(word: &str) -> &'static str {
    if word.to_ascii_lowercase().starts_with(['a', 'e', 'i', 'o']) { "An" } else { "A" }
}

/// A text in double quotes, with what would end it escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text that neither ends a cell of a table nor begins markup.
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            letter if letter.is_control() => escaped.push(' '),
            '<' => escaped.push_str("&lt;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' => escaped.extend(['\\', letter]),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
