//! `rekindle finetune --doctor`: what is wrong with the pictures is said before the first step, and in the report.

use clap::{Args, ValueEnum};
use rekindle::report::Checkup;
use rekindle_doctor::{
    DataLayout, Diagnosis, Finding, Kind as FindingKind, Options, Severity, least_for, record,
};

use super::{
    super::{doctor::say, kind::Kind, output::one_line},
    Arguments,
};

/// The most findings of a kind, and files of a finding, that are printed and shown in the report.
const MOST: usize = 4;

/// Whether the pictures are examined.
#[derive(Args)]
pub(super) struct DoctorArguments {
    /// Examine the pictures first, as `rekindle doctor` does, and show in the report what is found. Where there are
    /// errors, stop before the first step and exit with 2; with `--doctor=report` go on. Files that cannot be read are
    /// no such errors with `--bad-files skip`.
    #[arg(
        long,
        value_name = "ERRORS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "stop",
        conflicts_with = "val"
    )]
    doctor: Option<Errors>,
}

/// What errors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Errors {
    Stop,
    Report,
}

/// Whether to train.
pub(super) enum Verdict {
    /// Yes, and what the report shows, where the doctor was asked.
    Train(Option<Checkup>),
    /// No: there are errors, which were printed.
    Stop,
}

impl Arguments {
    pub(super) fn checkup<M: Kind>(&self, place: &M::Data) -> anyhow::Result<Verdict> {
        let Some(errors) = self.doctor.doctor else { return Ok(Verdict::Train(None)) };
        let known = least_for(self.recipe_name::<M>()?);
        let options = Options::default();
        let least_examples = known.unwrap_or(options.least_examples);
        let data = &self.data.data;
        let options = Options { least_examples, ..options };
        let diagnosis = M::examined(place, &options, None)?;
        say(&diagnosis, MOST, self.common.json)?;
        let stopping = diagnosis.findings.iter().filter(|it| self.stops(it)).count();
        if errors == Errors::Report || stopping == 0 {
            return Ok(Verdict::Train(Some(record(&diagnosis, MOST))));
        }
        if !self.common.json {
            let fix = fix(&diagnosis, &self.data.targets);
            let data = one_line(data.display());
            say!(
                "{data}: nothing is trained; mend the errors{fix}, or train in spite of them with --doctor=report"
            );
        }
        Ok(Verdict::Stop)
    }

    fn stops(&self, finding: &Finding) -> bool {
        let unread = matches!(finding.kind, FindingKind::Unreadable | FindingKind::Truncated);
        finding.severity == Severity::Error && !(unread && self.data.skips_bad_files())
    }
}

/// How the bad can be left out, where it can.
fn fix(diagnosis: &Diagnosis, targets: &[String]) -> String {
    match diagnosis.layout {
        DataLayout::Packed => String::new(),
        DataLayout::Folders | DataLayout::List => {
            let data = one_line(diagnosis.folder.display());
            let targets = targets.iter().map(|target| format!(" --target {}", one_line(target)));
            let targets: String = targets.collect();
            format!(
                ", train on the list that `rekindle doctor {data}{targets} --fix LIST.csv` makes"
            )
        }
    }
}
