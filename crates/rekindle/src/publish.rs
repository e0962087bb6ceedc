//! What is said of a run's model in its repository on the Hub.

use std::path::Path;

use rekindle_cards::{
    Base, CardEvaluation, CardMetric, CardUnit, Error, HubConfig, LearnedFrom, ModelCard,
};
use rekindle_metrics::{Estimate, NumberErrors};
use rekindle_report::{
    ClassCount, EvaluationRecord, MetricUnit, PhaseRecord, Results, RunRecord, StageState,
};

/// The card of a fine-tuned model: `config` is what its weights carry, `run` the record of how it came about.
///
/// Without a record the model is taken to have been made from the checkpoint that its config names. The model
/// is passed on under the license that was asked for, else under that of the weights it was made from.
///
/// # Errors
///
/// [`Error::NoLicense`] where the weights it was made from state none, [`Error::FreerLicense`] where the one asked
/// for allows what theirs does not, [`Error::LicenseOpen`] where there are no such weights and none is asked for.
pub fn model_card(
    repository: &str,
    config: HubConfig,
    run: Option<&RunRecord>,
    license: Option<&str>,
) -> Result<ModelCard, Error> {
    let from_nothing = run.is_some_and(|run| run.weights.is_none());
    let bases = if from_nothing { Vec::new() } else { vec![base(&config)?] };
    card_from(repository, config, run, (bases, license))
}

/// The same of a model that is known to have been made from these weights: those of each of its inputs.
///
/// # Errors
///
/// Those of [`model_card`].
pub fn card_from(
    repository: &str,
    config: HubConfig,
    run: Option<&RunRecord>,
    (bases, license): (Vec<Base>, Option<&str>),
) -> Result<ModelCard, Error> {
    let found = Base::license_of_all(&bases, license)?;
    let found = found.or_else(|| Some(license?.to_ascii_lowercase()));
    let license = found.ok_or_else(|| Error::LicenseOpen { name: repository.to_owned() })?;
    // What a config says may be less than what is known of a checkpoint.
    for base in &bases {
        if let Some(listed) = listed(&base.name)? {
            listed.license_of_derived(Some(&license))?;
        }
    }
    Ok(ModelCard {
        repository: repository.to_owned(),
        config: HubConfig { license: Some(license), ..config },
        bases,
        data: run.and_then(learned_from),
        measured: run.into_iter().flat_map(|run| &run.evaluations).filter_map(measured).collect(),
        training: run.map(training).unwrap_or_default(),
    })
}

/// The weights that a config says it was made from.
///
/// # Errors
///
/// If a card is wrong.
pub(crate) fn base(config: &HubConfig) -> Result<Base, Error> {
    let name = config.name();
    // Not the default card of an architecture that is all the config names.
    let card = rekindle_cards::find_checkpoint(&name)?;
    let repository = card.and_then(|card| card.repository.clone());
    let license = config.license.clone().or_else(|| card?.license.clone());
    Ok(Base { name, repository, license })
}

/// The same weights as their card has them, where it states a license.
fn listed(name: &str) -> Result<Option<Base>, Error> {
    let card = rekindle_cards::find_checkpoint(name)?.filter(|card| card.license.is_some());
    Ok(card.map(|card| Base {
        name: name.to_owned(),
        repository: card.repository.clone(),
        license: card.license.clone(),
    }))
}

fn learned_from(run: &RunRecord) -> Option<LearnedFrom> {
    let data = run.data.as_ref()?;
    let row = |class: &ClassCount| {
        (class.name.clone(), [class.train, class.validation, class.test.unwrap_or_default()])
    };
    // Where it lay on somebody's disk is nobody's business.
    let name = Path::new(&data.folder).file_name().unwrap_or_default();
    // A run may have told nothing of it.
    let name = if name.is_empty() { "a private data set".into() } else { name.to_string_lossy() };
    Some(LearnedFrom { name: name.into_owned(), classes: data.classes.iter().map(row).collect() })
}

fn measured(found: &EvaluationRecord) -> Option<CardEvaluation> {
    let metric = |name: &str, of: Estimate| {
        let unit = match MetricUnit::of(name) {
            MetricUnit::Share => CardUnit::Share,
            MetricUnit::Number => CardUnit::Number,
        };
        let interval = [of.low, of.high, of.level];
        CardMetric { name: name.to_owned(), value: of.value, interval, unit }
    };
    let metrics = match &found.results {
        Results::SingleLabel(found) => vec![metric("accuracy", found.accuracy)],
        Results::MultiLabel(found) => {
            vec![metric("map", found.scores.map), metric("f1", found.scores.f1)]
        }
        Results::Regression(found) => {
            let NumberErrors { mae, rmse, r2, .. } = found.average;
            vec![metric("mae", mae), metric("rmse", rmse), metric("r2", r2)]
        }
    };
    let finite = |metric: &CardMetric| {
        let [low, high, _] = metric.interval;
        [metric.value, low, high].into_iter().all(f64::is_finite)
    };
    let baselines = found.baselines.iter().filter(|baseline| baseline.value.is_finite());
    metrics.iter().all(finite).then(|| CardEvaluation {
        set: found.set.clone(),
        pictures: found.pictures,
        metrics,
        baselines: baselines.map(|baseline| (baseline.name.clone(), baseline.value)).collect(),
    })
}

/// The phases, then what they have in common, a line each.
fn training(run: &RunRecord) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(plan) = &run.plan {
        lines.extend(plan.phases.iter().map(phase));
        for (what, how) in [("optimizer", &plan.optimizer), ("schedule", &plan.schedule)] {
            if !how.is_empty() {
                lines.push(format!("{what}: {how}"));
            }
        }
    }
    let best = run.history.as_ref().and_then(|history| {
        Some(format!("the best of {} epochs: {}", history.epochs.len(), history.best?))
    });
    lines.extend(best);
    let environment = &run.environment;
    if !environment.rekindle.is_empty() {
        let seed = environment.seed.map(|seed| format!(", seed {seed}"));
        lines.push(format!("Rekindle {}{}", environment.rekindle, seed.unwrap_or_default()));
    }
    lines
}

fn phase(phase: &PhaseRecord) -> String {
    let trained: Vec<_> = phase
        .stages
        .iter()
        .filter(|stage| stage.state == StageState::Trainable)
        .map(|stage| format!("{} at {}", stage.name, stage.rate))
        .collect();
    format!("{}, {} epochs: trains {}", phase.name, phase.epochs, trained.join(", "))
}

#[cfg(test)]
mod tests {
    use rekindle_report::{
        Data, Environment, EpochRecord, History, PlanRecord, SingleLabelResults, StageRecord,
        Weights,
    };

    use super::*;

    fn config(name: &str) -> HubConfig {
        HubConfig::from_card(rekindle_cards::find(name).unwrap())
    }

    fn right(accuracy: Estimate) -> Results {
        Results::SingleLabel(SingleLabelResults { accuracy, ..SingleLabelResults::default() })
    }

    fn run() -> RunRecord {
        RunRecord {
            weights: Some(Weights { name: "resnet18.a1_in1k".into(), ..Weights::default() }),
            data: Some(Data {
                folder: "/somewhere/secret/ants_and_bees".into(),
                classes: vec![ClassCount {
                    name: "ant".into(),
                    train: 9,
                    validation: 3,
                    test: None,
                }],
                ..Data::default()
            }),
            evaluations: vec![
                EvaluationRecord {
                    set: "validation".into(),
                    pictures: 3,
                    results: right(Estimate { value: 0.9, low: 0.8, high: 0.95, level: 0.95 }),
                    ..EvaluationRecord::default()
                },
                EvaluationRecord {
                    set: "test".into(),
                    results: right(Estimate { value: f64::NAN, ..Estimate::default() }),
                    ..EvaluationRecord::default()
                },
            ],
            plan: Some(PlanRecord {
                phases: vec![PhaseRecord {
                    name: "head".into(),
                    epochs: 4,
                    stages: vec![
                        StageRecord { name: "layer4".into(), ..StageRecord::default() },
                        StageRecord {
                            name: "head".into(),
                            state: StageState::Trainable,
                            rate: 0.01,
                            ..StageRecord::default()
                        },
                    ],
                    ..PhaseRecord::default()
                }],
                optimizer: "AdamW".into(),
                ..PlanRecord::default()
            }),
            history: Some(History {
                best: Some(3),
                epochs: vec![EpochRecord::default(); 4],
                ..History::default()
            }),
            environment: Environment {
                rekindle: "0.0.0".into(),
                seed: Some(7),
                ..Environment::default()
            },
            command: "rekindle finetune --data /somewhere/secret".into(),
            ..RunRecord::default()
        }
    }

    #[test]
    fn a_record_becomes_a_card_that_names_no_path() {
        let card = model_card("me/ants", config("resnet18.a1_in1k"), Some(&run()), None).unwrap();
        let base = card.bases[0].clone();
        assert_eq!(base.repository.as_deref(), Some("timm/resnet18.a1_in1k"));
        assert_eq!(card.config.license.as_deref(), Some("apache-2.0"));
        assert_eq!(card.data.clone().unwrap().name, "ants_and_bees");
        assert_eq!(card.measured.len(), 1, "what is NaN is left out");
        let lines = [
            "head, 4 epochs: trains head at 0.01",
            "optimizer: AdamW",
            "the best of 4 epochs: 3",
            "Rekindle 0.0.0, seed 7",
        ];
        assert_eq!(card.training, lines);
        let text = card.to_markdown();
        assert!(!text.contains("secret") && text.contains("90.0%"), "{text}");
    }

    #[test]
    fn the_license_is_that_of_the_weights_it_was_made_from() {
        let check =
            |name: &str, stated: Option<&str>, asked: Option<&str>, expected: Option<&str>| {
                let config = HubConfig { license: stated.map(str::to_owned), ..config(name) };
                let found = model_card("me/ants", config, None, asked).ok();
                let license = found.and_then(|card| card.config.license);
                assert_eq!(license.as_deref(), expected, "{name} {stated:?} {asked:?}");
            };
        let (free, bound) = ("resnet18.a1_in1k", "resnet18.fb_swsl_ig1b_ft_in1k");
        check(free, Some("apache-2.0"), None, Some("apache-2.0"));
        check(free, Some("apache-2.0"), Some("MIT"), Some("mit"));
        // Its config is silent, its card is not.
        check(free, None, None, Some("apache-2.0"));
        // Made from something stricter that was made from it.
        check(free, Some("cc-by-nc-4.0"), None, Some("cc-by-nc-4.0"));
        check(free, Some("cc-by-nc-4.0"), Some("apache-2.0"), None);
        check(bound, Some("cc-by-nc-4.0"), None, Some("cc-by-nc-4.0"));
        check(bound, Some("cc-by-nc-4.0"), Some("mit"), None);
        // A config that was made to say less than the card.
        check(bound, Some("mit"), None, None);
        check("resnet50.bamboo", None, Some("mit"), None);
    }

    #[test]
    fn what_began_with_nothing_has_no_base_and_needs_a_license() {
        let scratch = RunRecord { weights: None, ..run() };
        let card = |asked| model_card("me/ants", config("resnet18"), Some(&scratch), asked);
        let message = card(None).unwrap_err().to_string();
        assert!(message.contains("me/ants: was trained from nothing"), "{message}");
        let card = card(Some("MIT")).unwrap();
        assert_eq!((card.bases.len(), card.config.license.as_deref()), (0, Some("mit")));
    }

    #[test]
    fn an_unlisted_checkpoint_is_named_by_its_config() {
        let config =
            HubConfig { tag: "mine".into(), license: Some("mit".into()), ..config("resnet18") };
        let base = model_card("me/ants", config, None, None).unwrap().bases.remove(0);
        assert_eq!((base.name.as_str(), base.repository), ("resnet18.mine", None));
    }
}
