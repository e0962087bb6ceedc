//! A head for labels of a user's own, learned on embeddings, with how well it does on what it has not seen.

use std::collections::BTreeMap;

use burn::module::Module as _;
use rekindle_cards::HubConfig;
use rekindle_metrics::{Predictions, Temperature, accuracy_interval};
use rekindle_train::Classify;
use rekindle_transfer::{Classifier, Examples, LeftOut, Probe, ProbeConfig};

use super::{Code, FileFormat, Head, Lesson, Problem, ServedKind, Taught, Wrong};
use crate::{Error, ExportConfig, ModelOf, ModelTask as _};

/// Learns a head, and measures it by heads that did not see what they answer.
pub(super) fn taught(lesson: &Lesson) -> Taught {
    let Lesson { names, embeddings, labels } = lesson;
    let classes = names.len();
    let found = LeftOut::fit(&examples(lesson), &ProbeConfig::default());
    let mut unseen = Predictions::new(classes);
    unseen.add(&found.logits, labels);
    let temperature = Temperature::fit(&unseen).value;
    let probabilities = unseen.at_temperature(temperature).probabilities();
    let predicted = unseen.predicted();
    let wrong = labels.iter().zip(&predicted).enumerate();
    let wrong = wrong.filter(|(_, (label, predicted))| label != predicted);
    let wrong = wrong.map(|(example, (_, &predicted))| Wrong {
        example,
        predicted,
        probability: probabilities[example][predicted],
    });
    let interval = accuracy_interval(&unseen);
    let most = (0..classes).map(|class| labels.iter().filter(|label| **label == class).count());
    let method = match found.parts == labels.len() {
        true => "leave-one-out".to_owned(),
        false => format!("{}-fold", found.parts),
    };
    let Probe { weight, bias, .. } = found.probe;
    let dim = embeddings.len() / labels.len().max(1);
    let row = |class: usize| (0..dim).map(|place| weight[place * classes + class]).collect();
    Taught {
        accuracy: unseen.top(1),
        interval: [interval.low, interval.high],
        method,
        chance: most.max().unwrap_or(0) as f64 / labels.len().max(1) as f64,
        wrong: wrong.collect(),
        head: Head { weight: (0..classes).map(row).collect(), bias, temperature },
    }
}

fn examples(lesson: &Lesson) -> Examples<'_> {
    Examples { features: &lesson.embeddings, labels: &lesson.labels, classes: lesson.names.len() }
}

/// The file of a model with such a head.
pub(super) fn file<M: ServedKind>(
    model: &ModelOf<M>,
    lesson: &Lesson,
    format: FileFormat,
) -> Result<Vec<u8>, Problem> {
    let Taught { head, .. } = taught(lesson);
    let classes = lesson.names.len();
    let dim = lesson.embeddings.len() / lesson.labels.len().max(1);
    let weight = (0..dim * classes).map(|at| head.weight[at % classes][at / classes]).collect();
    let task = Classify { temperature: head.temperature, ..Classify::of(&lesson.names) };
    let network = model.network();
    let device = network.devices().into_iter().next().unwrap_or_default();
    let network = Classifier::new(network.backbone().clone(), classes, &device);
    let network = network.with_head(weight, head.bias);
    let config = HubConfig { descriptions: BTreeMap::new(), ..model.config().clone() };
    let config = task.to_config(&lesson.names, config);
    let model = ModelOf::of(network, config, model.modality().clone());
    match format {
        FileFormat::Safetensors => bytes(&model).map_err(|_| {
            let what = "the model cannot be written; look at the disk that temporary files lie on";
            Problem::new(Code::Internal, what)
        }),
        FileFormat::Onnx => {
            let exported = model.export(&ExportConfig::default());
            // Which names what of the network is no graph, and no file.
            let exported =
                exported.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
            Ok(exported.onnx.to_bytes())
        }
    }
}

/// The file of a model.
fn bytes<M: ServedKind>(model: &ModelOf<M>) -> Result<Vec<u8>, Error> {
    let folder = std::env::temp_dir();
    let unwritable = |source| Error::Write { path: folder.clone(), source };
    let folder = tempfile::tempdir().map_err(unwritable)?;
    let path = folder.path().join("model.safetensors");
    model.save(&path, None)?;
    std::fs::read(&path).map_err(|source| Error::Write { path, source })
}
