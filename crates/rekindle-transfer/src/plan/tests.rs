use super::*;
use crate::layout::tests::layout;

fn phase(frozen: Frozen) -> Phase {
    Phase::new("upper", 1, frozen, 0.1)
}

fn often(passes: usize) -> NonZeroUsize {
    NonZeroUsize::new(passes).unwrap()
}

fn problems(phases: Vec<Phase>) -> String {
    Plan::new(phases).check(&layout()).unwrap_err().to_string()
}

#[test]
fn rates_fall_towards_the_image() {
    let mut phase = Phase { lr: 1.0, decay: 0.5, ..phase(Frozen::Stages(2)) };
    assert_eq!(phase.rates(&layout()).unwrap(), [0.0, 0.0, 0.125, 0.25, 0.5]);
    phase.stage_lr.insert("layer3".to_owned(), 0.75);
    assert_eq!(phase.rates(&layout()).unwrap(), [0.0, 0.0, 0.125, 0.75, 0.5]);
    phase.frozen = Frozen::Matching(vec!["layer0.*".to_owned(), "layer2.conv.*".to_owned()]);
    assert_eq!(phase.rates(&layout()).unwrap(), [0.0, 0.0625, 0.125, 0.75, 0.5]);
}

#[test]
fn frozen_stages_are_counted_from_the_image() {
    let matching = |patterns: &[&str]| {
        Frozen::Matching(patterns.iter().map(|&pattern| pattern.to_owned()).collect())
    };
    for (frozen, leading, tensors) in [
        (Frozen::Nothing, 0, 0),
        (Frozen::Stages(3), 3, 15),
        (Frozen::Backbone, 5, 25),
        (Frozen::AllBut(2), 3, 15),
        (Frozen::AllBut(7), 0, 0),
        (Frozen::Before("layer0".to_owned()), 0, 0),
        (Frozen::Before("layer4".to_owned()), 4, 20),
        (matching(&["layer0.*", "layer1.*", "layer3.*"]), 2, 15),
        // Statistics go with scale or shift.
        (matching(&["*.bn?.bias"]), 0, 15),
        (matching(&["fc.*"]), 0, 2),
        (matching(&["^layer[0-4].*"]), 5, 25),
    ] {
        let extent = frozen.extent(&layout()).unwrap();
        let found = extent.parameters.iter().filter(|frozen| **frozen).count();
        assert_eq!((extent.leading, found), (leading, tensors), "{frozen:?}");
    }
}

#[test]
fn every_check_says_what_is_wrong_and_what_is_right() {
    let adam_w = |weight_decay| OptimizerConfig::AdamW { weight_decay };
    let sgd = |momentum| OptimizerConfig::Sgd { momentum, weight_decay: 0.0 };
    let stage_lr = |name: &str, lr| BTreeMap::from([(name.to_owned(), lr)]);
    let matching = |pattern: &str| Frozen::Matching(vec![pattern.to_owned()]);
    let good = || phase(Frozen::Nothing);
    let rows = [
        (Phase { epochs: 0, ..good() }, "phase `upper`: it has no epochs; give it one"),
        (Phase { epochs: usize::MAX, ..good() }, "epochs in all, and may have 100000"),
        (Phase { lr: 0.0, ..good() }, "the learning rate 0 is not in (0, 1]"),
        (Phase { lr: -1e-3, ..good() }, "the learning rate -0.001 is not"),
        (Phase { lr: f64::NAN, ..good() }, "the learning rate NaN is not"),
        (Phase { lr: f64::INFINITY, ..good() }, "the learning rate inf is not"),
        (Phase { lr: 3.0, ..good() }, "the learning rate 3 is not"),
        (Phase { decay: 0.0, ..good() }, "the decay 0 is not in (0, 1]"),
        (Phase { decay: 1.5, ..good() }, "the decay 1.5 is not"),
        (Phase { decay: f64::NAN, ..good() }, "the decay NaN is not"),
        (
            phase(Frozen::Stages(9)),
            "cannot freeze 9 stages: there are 5 (layer0, layer1, layer2, layer3, layer4)",
        ),
        (
            phase(Frozen::Before("layer7".to_owned())),
            "there is no stage `layer7`; stages are layer0, layer1, layer2, layer3, layer4",
        ),
        (
            phase(matching("layer1")),
            "the pattern `layer1` matches no parameter; they have names such as \
             layer0.conv.weight, layer1.conv.weight,",
        ),
        (phase(matching("*.running_mean")), "`*.running_mean` matches no parameter"),
        (phase(matching("^layer(")), "`^layer(` is no regular expression"),
        (phase(Frozen::Matching(vec![])), "the list of patterns is empty"),
        (phase(matching("*")), "nothing would be trained; freeze less"),
        (
            Phase { loss: PhaseLoss::Contrastive, ..phase(Frozen::Backbone) },
            "its loss is of embeddings, but all of the backbone is frozen; freeze less",
        ),
        (
            Phase { loss: PhaseLoss::Contrastive, ..phase(matching("layer*")) },
            "its loss is of embeddings, but all of the backbone is frozen; freeze less",
        ),
        (
            Phase { loss: PhaseLoss::Contrastive, ..phase(matching("*.bias")) },
            "the classifier is solved for, so it cannot be frozen; freeze less",
        ),
        (
            Phase { passes: often(10_001), ..good() },
            "an epoch has 10001 passes, and may have 10000",
        ),
        (
            Phase { stage_lr: stage_lr("layer2", 0.0), ..good() },
            "the learning rate of `layer2` 0 is not in (0, 1]",
        ),
        (
            Phase { stage_lr: stage_lr("fc", 0.1), ..good() },
            "stage_lr: there is no stage `fc`; stages are layer0, layer1, layer2, layer3, layer4, \
             and the head learns at lr",
        ),
        (
            Phase { stage_lr: stage_lr("layer1", 0.1), ..phase(Frozen::Stages(2)) },
            "stage_lr: the stage `layer1` is frozen",
        ),
        (Phase { optimizer: adam_w(-0.1), ..good() }, "the weight decay -0.1 is not in [0, 1]"),
        (Phase { optimizer: adam_w(f32::NAN), ..good() }, "the weight decay NaN is not"),
        (Phase { optimizer: sgd(1.0), ..good() }, "the momentum 1 is not in [0, 1)"),
        (
            Phase { schedule: Schedule::Cosine { warmup: 1.0 }, ..good() },
            "warmup is 1.0 but must lie in 0.0..1.0",
        ),
    ];
    Plan::new(vec![good()]).check(&layout()).unwrap();
    for (phase, expected) in rows {
        let found = problems(vec![phase]);
        assert!(found.contains(expected), "{expected}: {found}");
    }
    assert!(problems(vec![]).contains("it has no phases"));
    assert!(problems(vec![good(), good()]).contains("two phases are called `upper`; rename one"));
    let mut wrong = layout();
    wrong.stages.pop();
    let found = Plan::new(vec![good()]).check(&wrong).unwrap_err().to_string();
    assert!(found.contains("in no stage"), "{found}");
}

#[test]
fn everything_wrong_is_listed_at_once() {
    let found = problems(vec![
        Phase { name: "head".to_owned(), lr: 0.0, ..phase(Frozen::Backbone) },
        Phase { decay: 1.5, epochs: 0, ..phase(Frozen::Stages(9)) },
    ]);
    for part in [
        "phase `head`: the learning rate 0",
        "phase `upper`: the decay 1.5",
        "phase `upper`: it has no epochs",
        "phase `upper`: cannot freeze 9 stages",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
}

#[test]
fn toml_reads_as_it_is_documented() {
    let header = "[[phases]]\nname = \"a\"\nepochs = 2\nlr = 1e-3\nfrozen = ";
    for (text, frozen) in [
        ("\"nothing\"", Frozen::Nothing),
        ("\"backbone\"", Frozen::Backbone),
        ("3", Frozen::Stages(3)),
        ("{ all_but = 2 }", Frozen::AllBut(2)),
        ("\"before layer3\"", Frozen::Before("layer3".to_owned())),
        ("{ before = \"layer3\" }", Frozen::Before("layer3".to_owned())),
        ("{ matching = \"fc.*\" }", Frozen::Matching(vec!["fc.*".to_owned()])),
        (
            "{ matching = [\"layer1.*\", \"*.bn?.*\"] }",
            Frozen::Matching(vec!["layer1.*".to_owned(), "*.bn?.*".to_owned()]),
        ),
    ] {
        let plan = Plan::from_toml(&format!("{header}{text}")).unwrap();
        assert_eq!(plan.phases, [Phase::new("a", 2, frozen, 1e-3)], "{text}");
    }
    let contrastive = "\"nothing\"\nloss = \"contrastive\"\npasses = 8";
    let plan = Plan::from_toml(&format!("{header}{contrastive}")).unwrap();
    let expected = Phase {
        loss: PhaseLoss::Contrastive,
        passes: often(8),
        ..Phase::new("a", 2, Frozen::Nothing, 1e-3)
    };
    assert_eq!(plan.phases, [expected]);
    let plan = Plan::from_toml(
        "[[phases]]\nname = \"a\"\nepochs = 2\nlr = 1\nfrozen = 1\ndecay = 0.5\nbatch_norm = \
         \"reestimated\"\nschedule = \"constant\"\n\
         optimizer = { sgd = { momentum = 0.9, weight_decay = 0 } }\n\
         [phases.stage_lr]\nlayer4 = 1e-4\n",
    );
    let expected = Phase {
        decay: 0.5,
        batch_norm: BatchNormPolicy::Reestimated,
        schedule: Schedule::Constant,
        optimizer: OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 0.0 },
        stage_lr: BTreeMap::from([("layer4".to_owned(), 1e-4)]),
        ..Phase::new("a", 2, Frozen::Stages(1), 1.0)
    };
    assert_eq!(plan.unwrap().phases, [expected]);
}

#[test]
fn plans_outlive_toml_and_json() {
    let frozen = [
        Frozen::Nothing,
        Frozen::Backbone,
        Frozen::Stages(3),
        Frozen::AllBut(2),
        Frozen::Before("layer3".to_owned()),
        Frozen::Matching(vec!["layer1.*".to_owned(), "*.bn?.*".to_owned()]),
    ];
    let policies = [BatchNormPolicy::Kept, BatchNormPolicy::Updated, BatchNormPolicy::Reestimated];
    let phases =
        frozen.into_iter().zip(policies.into_iter().cycle()).map(|(frozen, batch_norm)| {
            let stage_lr = BTreeMap::from([("layer4".to_owned(), 1e-4)]);
            let loss = match frozen {
                Frozen::Backbone => PhaseLoss::Task,
                _ => PhaseLoss::Contrastive,
            };
            Phase { batch_norm, stage_lr, loss, passes: often(3), ..phase(frozen) }
        });
    let plan = Plan::new(phases.collect());
    assert_eq!(Plan::from_toml(&plan.to_toml().unwrap()).unwrap(), plan);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

#[test]
fn what_is_no_plan_is_refused_with_its_line() {
    let header = "[[phases]]\nname = \"a\"\nepochs = 2\nlr = 1e-3\n";
    for (text, line, expected) in [
        (
            "frozen = \"everything\"",
            5,
            "expected \"nothing\", \"backbone\", \"pretrained\", a number",
        ),
        ("frozen = \"before \"", 5, "expected \"nothing\""),
        ("frozen = -1", 5, "invalid value: integer `-1`, expected \"nothing\""),
        ("frozen = true", 5, "invalid type: boolean `true`, expected \"nothing\""),
        ("frozen = { after = 2 }", 5, "unknown field `after`, expected one of `before`"),
        ("frozen = { all_but = 2, before = \"b\" }", 5, "`before` is one too many"),
        ("frozen = { matching = 3 }", 5, "expected a pattern or a list of patterns"),
        ("frozen = 1\nfreeze = 2", 6, "unknown field `freeze`, expected one of `name`"),
        (
            "frozen = 1\nbatch_norm = \"moved\"",
            6,
            "unknown variant `moved`, expected one of `kept`",
        ),
        ("epoch = 3", 5, "unknown field `epoch`"),
        ("frozen = 1\nloss = \"triplet\"", 6, "unknown variant `triplet`, expected `task`"),
        ("frozen = 1\npasses = 0", 6, "expected a nonzero usize"),
        ("frozen = 1\n[phase]", 6, "unknown field `phase`, expected `lora` or `phases`"),
        ("", 1, "missing field `frozen`"),
    ] {
        let error = Plan::from_toml(&format!("{header}{text}")).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(expected), "{text}: {source}");
        assert!(source.contains(&format!("line {line}")), "{text}: {source}");
    }
}

#[test]
fn the_table_says_what_moves() {
    let matching = Frozen::Matching(vec!["layer0.*".to_owned(), "layer1.conv.*".to_owned()]);
    let plan = Plan::new(vec![
        Phase::new("head", 2, Frozen::Backbone, 1e-2),
        Phase { decay: 0.5, batch_norm: BatchNormPolicy::Updated, ..phase(matching) },
    ]);
    let table = plan.table(&layout()).unwrap();
    assert_eq!(table.rows.len(), 12);
    let row = &table.rows[7];
    assert_eq!((row.stage.as_str(), row.parameters, row.trained), ("layer1", 592, 16));
    let all = NormUse::Policy { policy: BatchNormPolicy::Updated, norms: 1, of: 1 };
    assert_eq!((row.lr, row.batch_norm), (0.00625, all));
    let expected = "\
phase  epochs  stage   parameters  trains                rate  batch norm
head        2  layer0         592  frozen                   -  kept
               layer1         592  frozen                   -  kept
               layer2         592  frozen                   -  kept
               layer3         592  frozen                   -  kept
               layer4         592  frozen                   -  kept
               fc              27  trained            1.00e-2  -
upper       1  layer0         592  frozen                   -  kept
               layer1         592  partly, 16 of 592  6.25e-3  updated
               layer2         592  trained            1.25e-2  updated
               layer3         592  trained            2.50e-2  updated
               layer4         592  trained            5.00e-2  updated
               fc              27  trained            1.00e-1  -
";
    assert_eq!(table.to_string(), expected, "\n{table}");
}

#[test]
fn the_table_says_what_is_solved_for() {
    let plan = Plan::new(vec![Phase {
        loss: PhaseLoss::Contrastive,
        passes: often(8),
        ..phase(Frozen::Stages(4))
    }]);
    let expected = "\
phase  epochs  stage   parameters  trains      rate  batch norm
upper       1  layer0         592  frozen         -  kept
               layer1         592  frozen         -  kept
               layer2         592  frozen         -  kept
               layer3         592  frozen         -  kept
               layer4         592  trained  1.00e-1  kept
               fc              27  solved         -  -
upper: embeddings of a label are brought together and those of different labels set apart; the head is solved for after each \
epoch; an epoch goes 8 times through the training data
";
    let table = plan.table(&layout()).unwrap();
    assert_eq!(table.to_string(), expected, "\n{table}");
}
