//! Made-up runs that look like real ones, for the tests and for the sample pages.

use std::{f64::consts::PI, io::Cursor};

use image::{ImageFormat, Rgb, RgbImage};
use rekindle_metrics::{
    Bin, Estimate, MultiLabel, MultiLabelPredictions, NumberPredictions, PerClass, Temperature,
};
use rekindle_report::{
    Baseline, Better, Calibration, Checkup, CheckupFinding, CheckupGroup, ClassCount, ClassScores,
    Data, Environment, EpochRecord, EvaluationRecord, ExampleCount, ExampleRecord, Gallery,
    GroupRate, GuessRecord, History, ItemKind, Metric, MetricUnit, Monitored, MultiLabelResults,
    PhaseRecord, PlanRecord, PredictedNumber, RegressionResults, Results, RunRecord,
    SingleLabelResults, StageRecord, StageState, Thumbnail, Verdict, Version, Weights,
};

mod forecast;
mod texts;

pub(crate) use forecast::forecast;
pub(crate) use texts::texts;

/// Names and parameters of a network's stages, image first.
const STAGES: [(&str, usize); 6] = [
    ("stem", 9_536),
    ("layer1", 147_968),
    ("layer2", 525_568),
    ("layer3", 2_099_712),
    ("layer4", 8_393_728),
    ("fc", 1_026),
];
/// Name, epochs, frozen stages and rate of the head of each phase.
const PHASES: [(&str, usize, usize, f64); 3] =
    [("head", 4, 5, 1e-3), ("upper", 4, 3, 2e-4), ("all", 4, 0, 5e-5)];

/// A run of three phases on pictures of these many classes.
pub(crate) fn run(title: &str, classes: usize, seed: u64) -> RunRecord {
    let mut random = Random(seed * 7919 + 17);
    let names: Vec<String> = (0..classes).map(class).collect();
    let confusion = confusion(classes, &mut random);
    let pictures: usize = confusion.iter().flatten().sum();
    let right: usize = (0..classes).map(|class| confusion[class][class]).sum();
    let accuracy = right as f64 / pictures as f64;
    let test = |class: usize| (classes > 2).then_some(8 + class % 3);
    let count = |class: usize| ClassCount {
        name: names[class].clone(),
        train: 60 + class * 37 % 80,
        validation: confusion[class].iter().sum(),
        test: test(class),
    };
    RunRecord {
        version: Version,
        title: title.to_owned(),
        items: ItemKind::Pictures,
        command: format!(
            "rekindle finetune data/pets --model resnet18.a1_in1k --plan gradual --epochs 12 --lr 1e-3 \
             --batch 32 --seed {seed} --out runs/pets"
        ),
        environment: Environment {
            rekindle: "0.1.0".to_owned(),
            burn: "0.22.1".to_owned(),
            device: "CPU (Flex)".to_owned(),
            threads: Some(8),
            seed: Some(seed),
            started: Some(1_782_000_000 + seed * 4000),
            seconds: Some(143.2 + 31.0 * random.next()),
        },
        data: Some(Data {
            folder: "data/pets".to_owned(),
            preprocessing: "shorter side to 256 by bicubic interpolation, center crop of 224, mean \
                            (0.485, 0.456, 0.406), deviation (0.229, 0.224, 0.225); in training a random \
                            crop and a mirror image every second time"
                .to_owned(),
            classes: (0..classes).map(count).collect(),
            pictures: None,
            numbers: Vec::new(),
            texts: None,
        }),
        checkup: Some(checkup(&names, &mut random)),
        weights: Some(Weights {
            name: "resnet18.a1_in1k".to_owned(),
            origin: "https://huggingface.co/timm/resnet18.a1_in1k".to_owned(),
            license: "Apache-2.0".to_owned(),
            caution: "Trained on ImageNet-1k, whose pictures were gathered for research; check that \
                      your use is covered."
                .to_owned(),
            sha256: "8fe3b2a1c97d5e60443b1f0f4ee1a2a7d1f1c0ae3c57a1f6f0d1c3be0f6d2c58".to_owned(),
        }),
        plan: Some(plan()),
        history: Some(history(accuracy, &mut random)),
        evaluations: vec![evaluation(&names, confusion, &mut random)],
        columns: None,
        galleries: galleries(&names, &mut random),
        notes: vec![
            "The features of the frozen stages were kept: phase 1 read every picture once and saved \
             about 96 s of 143 s."
                .to_owned(),
            "2 of 300 files were no pictures and were left out: ._cat-004.jpg, notes.txt".to_owned(),
        ],
    }
}

fn class(place: usize) -> String {
    const NAMES: [&str; 10] = [
        "cat",
        "dog",
        "rabbit",
        "hedgehog",
        "guinea pig",
        "tortoise",
        "budgerigar",
        "goldfish",
        "axolotl",
        "snake",
    ];
    const KINDS: [&str; 10] = [
        "",
        "young ",
        "old ",
        "wild ",
        "long-haired ",
        "white ",
        "spotted ",
        "sleeping ",
        "wet ",
        "small ",
    ];
    format!("{}{}", KINDS[place / 10 % 10], NAMES[place % 10])
}

fn confusion(classes: usize, random: &mut Random) -> Vec<Vec<usize>> {
    let mut matrix = vec![vec![0; classes]; classes];
    for (class, row) in matrix.iter_mut().enumerate() {
        let pictures = if classes == 2 { 30 } else { 14 + class % 9 };
        let skill = if classes == 2 { 0.95 } else { 0.6 + 0.38 * random.next() };
        for _ in 0..pictures {
            let near = (class + 1 + (random.next() * random.next() * 11.0) as usize) % classes;
            let guess = if random.next() < skill { class } else { near };
            row[guess] += 1;
        }
    }
    matrix
}

fn plan() -> PlanRecord {
    let mut first_epoch = 1;
    let phases = PHASES.map(|(name, epochs, frozen, rate)| {
        let stage = |(place, (name, parameters)): (usize, &(&str, usize))| {
            let moves = place >= frozen;
            let norm = if *name == "fc" { "" } else { "keeps its statistics" };
            StageRecord {
                name: (*name).to_owned(),
                parameters: *parameters,
                state: if moves { StageState::Trainable } else { StageState::Frozen },
                rate: if moves { rate * 0.5_f64.powi(5 - place as i32) } else { 0.0 },
                batch_norm: norm.to_owned(),
            }
        };
        let stages = STAGES.iter().enumerate().map(stage).collect();
        let phase = PhaseRecord { name: name.to_owned(), first_epoch, epochs, stages };
        first_epoch += epochs;
        phase
    });
    PlanRecord {
        name: "gradual".to_owned(),
        optimizer: "AdamW, betas 0.9 and 0.999, weight decay 0.01".to_owned(),
        schedule: "half a cosine in each phase, after a linear rise over its first tenth"
            .to_owned(),
        phases: phases.to_vec(),
    }
}

fn history(accuracy: f64, random: &mut Random) -> History {
    let mut epochs = Vec::new();
    for (phase, epochs_in_phase, frozen, rate) in PHASES {
        for step in 1..=epochs_in_phase {
            let number = epochs.len() + 1;
            let done = number as f64 / 12.0;
            let wobble = 0.05 * (random.next() - 0.5);
            let metrics = |loss: f64, accuracy: f64| {
                [("loss", loss), ("accuracy", accuracy)]
                    .map(|(name, value)| Metric { name: name.to_owned(), value })
                    .to_vec()
            };
            let share = (step as f64 - 0.1) / epochs_in_phase as f64;
            let factor = 0.5 * (1.0 + (PI * share).cos());
            let group = |(place, (name, _)): (usize, &(&str, usize))| GroupRate {
                group: (*name).to_owned(),
                rate: if place < frozen {
                    0.0
                } else {
                    factor * rate * 0.5_f64.powi(5 - place as i32)
                },
            };
            epochs.push(EpochRecord {
                number,
                phase: phase.to_owned(),
                train: metrics(
                    0.08 + 0.62 * (-3.2 * done).exp() + wobble / 2.0,
                    (accuracy + 0.04 - 0.3 * (-4.0 * done).exp() + wobble / 3.0).min(0.9975),
                ),
                validation: metrics(
                    0.17 + 0.5 * (-4.0 * done).exp() + wobble,
                    accuracy - 0.35 * (-5.0 * done).exp() - wobble.abs() / 2.0,
                ),
                rates: STAGES.iter().enumerate().map(group).collect(),
                seconds: if frozen == 5 { 4.1 } else { 17.5 + 3.0 * wobble },
            });
        }
    }
    let best = 11;
    epochs[best - 1].validation[1].value = accuracy;
    History { monitored: Monitored::default(), best: Some(best), epochs }
}

fn evaluation(
    names: &[String],
    confusion: Vec<Vec<usize>>,
    random: &mut Random,
) -> EvaluationRecord {
    let pictures: usize = confusion.iter().flatten().sum();
    let right: usize = (0..names.len()).map(|class| confusion[class][class]).sum();
    let most = confusion.iter().map(|row| row.iter().sum::<usize>()).max().unwrap_or(0);
    let scores = |class: usize| {
        let support: usize = confusion[class].iter().sum();
        let guessed: usize = confusion.iter().map(|row| row[class]).sum();
        let hits = confusion[class][class] as f64;
        let (precision, recall) = (hits / guessed as f64, hits / support as f64);
        let f1 = 2.0 * hits / (support + guessed) as f64;
        let scores = PerClass { precision, recall, f1, support };
        ClassScores { name: names[class].clone(), scores }
    };
    let mut left = pictures;
    let bins: Vec<Bin> = (0..10)
        .map(|place| {
            let confidence = 0.05 + 0.1 * place as f64 + 0.03 * (random.next() - 0.5);
            let count = if place == 9 { left } else { (pictures * place * place / 600).min(left) };
            left -= count;
            let accuracy = (confidence - 0.04 + 0.12 * (random.next() - 0.5)).clamp(0.0, 1.0);
            Bin {
                examples: count,
                confidence,
                accuracy: if count == 0 { f64::NAN } else { accuracy },
            }
        })
        .collect();
    let baseline = |name: &str, value| Baseline { name: name.to_owned(), value };
    EvaluationRecord {
        set: "validation".to_owned(),
        pictures,
        baselines: vec![
            baseline("the most frequent label", most as f64 / pictures as f64),
            baseline("a linear probe of the features", 0.93 * right as f64 / pictures as f64),
        ],
        results: Results::SingleLabel(SingleLabelResults {
            accuracy: wilson(right, pictures),
            log_loss: Some(0.1834),
            auroc: Some(0.9812),
            calibration: Some(Calibration {
                error: 0.0412,
                bins,
                temperature: Some(Temperature {
                    value: 1.37,
                    error_before: 0.0893,
                    error_after: 0.0412,
                    loss_before: 0.2212,
                    loss_after: 0.1834,
                }),
            }),
            classes: (0..names.len()).map(scores).collect(),
            confusion,
        }),
    }
}

/// A run on pictures with any number of these many labels.
pub(crate) fn multi_label(title: &str, labels: usize, seed: u64) -> RunRecord {
    let mut random = Random(seed * 7919 + 17);
    let names: Vec<String> = (0..labels).map(class).collect();
    let mut predictions = MultiLabelPredictions::new(labels);
    for place in 0..80 {
        // The last label is of no picture.
        let has: Vec<usize> =
            (0..labels - 1).filter(|label| (place * 7 + label * 5) % 3 == 0).collect();
        let logit = |label: usize| {
            let side = if has.contains(&label) { 1.5 } else { -1.5 };
            (side + 5.0 * (random.next() - 0.5)) as f32
        };
        let logits: Vec<f32> = (0..labels).map(logit).collect();
        predictions.add(&logits, &[has]);
    }
    let scores = MultiLabel::of(&predictions, &predictions.thresholds());
    let verdicts = [
        Verdict::FalseNegative,
        Verdict::FalsePositive,
        Verdict::TruePositive,
        Verdict::TrueNegative,
    ];
    let guess = |(place, verdict): (usize, &Verdict)| GuessRecord {
        class: names[place % labels].clone(),
        probability: [0.12, 0.81, 0.92, 0.03][place],
        verdict: Some(*verdict),
    };
    let picture = |place: usize, random: &mut Random| ExampleRecord {
        file: format!("photos/IMG_{:04}.jpg", 1000 + place * 173),
        label: format!("{}, {}", names[0], names[2 % labels]),
        guesses: verdicts.iter().enumerate().map(guess).collect(),
        image: drawn(place, random, false),
        overlay: drawn(place, random, true),
        ..ExampleRecord::default()
    };
    let pictures = (0..4).map(|place| picture(place, &mut random)).collect();
    let results = Results::MultiLabel(MultiLabelResults::of(&names, scores, Some(0.61)));
    let baseline = Baseline { name: "always giving no label".to_owned(), value: 0.33 };
    other_task(run(title, labels, seed), "map", results, baseline, pictures)
}

/// A run on pictures of which two numbers are predicted.
pub(crate) fn regression(title: &str, seed: u64) -> RunRecord {
    let mut random = Random(seed * 7919 + 17);
    let names = ["size".to_owned(), "weight in kg".to_owned()];
    let mut predictions = NumberPredictions::new(2);
    for _ in 0..80 {
        let right = [20.0 + 60.0 * random.next(), 0.5 + 2.0 * random.next()];
        let mut off = |of: f64, by: f64| (of * 0.9 + by * (random.next() - 0.4)) as f32;
        let predicted = [off(right[0], 16.0), off(right[1], 0.6)];
        predictions.add(&predicted, &right.map(|right| right as f32));
    }
    let number = |(place, name): (usize, &String)| {
        let (right, predicted) = predictions.of_target(place)[0];
        PredictedNumber { name: name.clone(), right, predicted }
    };
    let picture = |place: usize, random: &mut Random| ExampleRecord {
        file: format!("photos/IMG_{:04}.jpg", 1000 + place * 173),
        numbers: names.iter().enumerate().map(number).collect(),
        image: drawn(place, random, false),
        overlay: drawn(place, random, true),
        ..ExampleRecord::default()
    };
    let pictures = (0..4).map(|place| picture(place, &mut random)).collect();
    let results = Results::Regression(RegressionResults::of(&names, &predictions));
    let baseline = Baseline { name: "always the mean (50.1, 1.512)".to_owned(), value: 8.13 };
    let mut run = other_task(run(title, 2, seed), "mae", results, baseline, pictures);
    run.data.iter_mut().for_each(|data| data.classes.clear());
    run
}

/// The same run where other answers were learned.
fn other_task(
    run: RunRecord,
    metric: &str,
    results: Results,
    baseline: Baseline,
    pictures: Vec<ExampleRecord>,
) -> RunRecord {
    let mut run = run;
    let counts = ExampleCount { train: 300, validation: 80, test: None };
    run.data.iter_mut().for_each(|data| data.pictures = Some(counts));
    let set = "validation".to_owned();
    run.evaluations =
        vec![EvaluationRecord { set, pictures: 80, baselines: vec![baseline], results }];
    let title = "Most wrong".to_owned();
    run.galleries = vec![Gallery { title, text: "The worst first.".to_owned(), pictures }];
    let better = if metric == "mae" { Better::Lower } else { Better::Higher };
    if let Some(history) = &mut run.history {
        history.monitored =
            Monitored { name: metric.to_owned(), better, unit: MetricUnit::of(metric) };
        let measured = history.epochs.iter_mut().flat_map(|it| [&mut it.train, &mut it.validation]);
        measured.filter_map(|it| it.get_mut(1)).for_each(|it| it.name = metric.to_owned());
    }
    run
}

/// Wilson 1927: an interval of 95% for a share.
fn wilson(right: usize, all: usize) -> Estimate {
    let (share, all, z) = (right as f64 / all as f64, all as f64, 1.959_964);
    let middle = (share + z * z / (2.0 * all)) / (1.0 + z * z / all);
    let half =
        z / (1.0 + z * z / all) * (share * (1.0 - share) / all + z * z / (4.0 * all * all)).sqrt();
    Estimate { value: share, low: middle - half, high: middle + half, level: 0.95 }
}

fn galleries(names: &[String], random: &mut Random) -> Vec<Gallery> {
    let mut picture = |place: usize, sure: f64| {
        let (label, taken) = (place % names.len(), (place + 1) % names.len());
        let (rest, share) = (1.0 - sure, if names.len() > 2 { 0.8 } else { 1.0 });
        let guess = |class: usize, probability| GuessRecord {
            class: names[class].clone(),
            probability,
            verdict: None,
        };
        ExampleRecord {
            file: format!("validation/{}/IMG_{:04}.jpg", names[label], 1000 + place * 173),
            label: names[label].clone(),
            guesses: vec![guess(taken, sure), guess(label, rest * share)]
                .into_iter()
                .chain((names.len() > 2).then(|| guess((place + 2) % names.len(), rest * 0.2)))
                .collect(),
            image: drawn(place, random, false),
            overlay: drawn(place, random, true),
            ..ExampleRecord::default()
        }
    };
    vec![
        Gallery {
            title: "Most wrong".to_owned(),
            text: "Wrong, and sure of it. Right of each picture, what the guess was made by (Grad-CAM)."
                .to_owned(),
            pictures: (0..5).map(|place| picture(place, 0.98 - 0.05 * place as f64)).collect(),
        },
        Gallery {
            title: "Most uncertain".to_owned(),
            text: "The first two guesses are about as likely.".to_owned(),
            pictures: (5..9).map(|place| picture(place, 0.52 - 0.01 * place as f64)).collect(),
        },
    ]
}

/// A leak, which is two pictures, and two pictures that are tiny.
fn checkup(names: &[String], random: &mut Random) -> Checkup {
    let mut thumbnail = |part: &str, place: usize| Thumbnail {
        file: format!("{part}/{}/IMG_{place:04}.jpg", names[0]),
        label: names[0].clone(),
        image: drawn(place, random, false),
        ..Thumbnail::default()
    };
    let leak = vec![thumbnail("train", 30), thumbnail("validation", 30)];
    let tiny = [40, 41].map(|place| vec![thumbnail("train", place)]);
    let finding =
        |text: &str, pictures| CheckupFinding { text: text.to_owned(), pictures, more: 0 };
    let group = |title: &str, severity: &str, findings, more| CheckupGroup {
        title: title.to_owned(),
        severity: severity.to_owned(),
        findings,
        more,
    };
    let leak = finding("the same bytes 2 times, in train and val; keep it in val alone", leak);
    let tiny = tiny.map(|pictures| finding("12 x 9 pixels; get a larger one", pictures));
    Checkup {
        lead: "300 pictures, 10 labels: 1 error, 5 warnings.".to_owned(),
        groups: vec![
            group("One picture in two parts of the data", "error", vec![leak], 0),
            group("Tiny pictures", "warning", tiny.into(), 3),
        ],
        ..Checkup::default()
    }
}

/// A face with two ears as PNG; with the warmth of a heat map if asked for.
fn drawn(place: usize, random: &mut Random, warm: bool) -> Vec<u8> {
    let hue = (place * 67 % 200) as f64;
    let (lean, size) = (8.0 * (random.next() - 0.5), 34.0 + (place % 3) as f64 * 4.0);
    let image = RgbImage::from_fn(112, 112, |x, y| {
        let (x, y) = (f64::from(x) - 56.0 + lean, f64::from(y) - 60.0);
        let face = x.hypot(y) < size;
        let ear = y < 0.0 && (x.abs() - size * 0.62).abs() < (y + size * 1.45) * 0.4;
        let eye = (x.abs() - size * 0.38).hypot(y + size * 0.15) < 4.5;
        let nose = x.hypot(y - size * 0.25) < 3.5;
        let base = match () {
            () if eye || nose => [32.0, 28.0, 30.0],
            () if face || ear => [235.0 - hue * 0.6, 170.0 - hue * 0.2, 90.0 + hue * 0.6],
            () => [170.0 + 0.4 * y, 190.0, 165.0 + 0.3 * x],
        };
        let heat = (-((x - 6.0).powi(2) + (y + 14.0).powi(2)) / 700.0).exp();
        let share = if warm { 0.62 } else { 0.0 };
        let color = [heat * 255.0, (1.0 - (2.0 * heat - 1.0).abs()) * 230.0, (1.0 - heat) * 200.0];
        let mixed = |channel: usize| (base[channel] * (1.0 - share) + color[channel] * share) as u8;
        Rgb([mixed(0), mixed(1), mixed(2)])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap_or_default();
    bytes.into_inner()
}

/// A xorshift generator: the same pages every time. Marsaglia 2003, "Xorshift RNGs".
struct Random(u64);

impl Random {
    /// The next number in `[0, 1)`.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
