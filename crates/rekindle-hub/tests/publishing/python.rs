//! timm loads what was pushed, and huggingface_hub reads its page; it needs `REKINDLE_PYTHON`.

use std::{path::Path, process::Command};

use rekindle_cards::{CardEvaluation, CardMetric, CardUnit, LearnedFrom};
use rekindle_hub::{
    Hub, Token,
    push::{Push, Visibility, push},
    unwatched,
};

use crate::{
    pushing::model_card,
    support::{Stage, card, files_of},
};

const REPOSITORY: &str = "someone/ants-and-bees";
const LABELS: [&str; 3] = ["ant", "bee | \"wasp\"", "the rest: everything"];

/// Runs a script with timm at hand and says what it printed; none where no interpreter is named.
fn python(stage: &Stage, script: &str) -> Option<String> {
    let python = rekindle_skip::python(&["timm", "huggingface_hub"])?;
    let home = stage.folder.path();
    let output = Command::new(python)
        .args(["-c", script])
        .current_dir(home)
        .env("HF_HOME", home.join("home"))
        .env("HF_ENDPOINT", stage.server.endpoint())
        .env("HF_TOKEN", "hf_writer")
        .env("HF_HUB_DISABLE_TELEMETRY", "1")
        // Xet's storage is a protocol of its own, which the server does not speak.
        .env("HF_HUB_DISABLE_XET", "1")
        .env("NO_PROXY", "*")
        .env_remove("HF_HUB_CACHE")
        .env_remove("HF_HUB_OFFLINE")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn wanted(weights: &Path) -> Push {
    let mut about = model_card(REPOSITORY);
    about.config.classes = LABELS.len();
    about.config.labels = LABELS.map(str::to_owned).to_vec();
    about.data = Some(LearnedFrom {
        name: "ants: and bees".to_owned(),
        classes: LABELS.iter().map(|label| ((*label).to_owned(), [3, 2, 1])).collect(),
    });
    about.measured = vec![CardEvaluation {
        set: "test".to_owned(),
        pictures: 3,
        metrics: vec![CardMetric {
            name: "accuracy".to_owned(),
            value: 0.6667,
            interval: [0.2, 0.9, 0.95],
            unit: CardUnit::Share,
        }],
        baselines: vec![("the most frequent label".to_owned(), 0.3333)],
    }];
    Push {
        repository: REPOSITORY.to_owned(),
        visibility: Visibility::Private,
        message: "Upload a model".to_owned(),
        files: files_of(&about, weights),
    }
}

#[test]
fn timm_loads_what_was_pushed() {
    let stage = Stage::new();
    stage.server.allow_writes("hf_writer");
    let logits = "x = torch.linspace(-1, 1, 3 * 160 * 160).reshape(1, 3, 160, 160)\n\
                  print(model.eval()(x).flatten().tolist())\n";
    let make = format!(
        "import timm, torch, safetensors.torch\n\
         torch.manual_seed(1)\n\
         model = timm.create_model('test_resnet', num_classes=3)\n\
         safetensors.torch.save_file(model.state_dict(), 'best.safetensors')\n{logits}"
    );
    let Some(made) = python(&stage, &make) else { return };

    let mut settings = stage.settings();
    settings.token = Token::new("hf_writer");
    let hub = Hub::new(settings);
    let wanted = wanted(&stage.folder.path().join("best.safetensors"));
    push(hub.client().unwrap(), &wanted, &unwatched).unwrap();

    let load = format!(
        "import timm, torch\n\
         model = timm.create_model('hf-hub:{REPOSITORY}', pretrained=True)\n{logits}\
         print('\\n'.join(model.pretrained_cfg['label_names']))\n\
         config = timm.data.resolve_model_data_config(model)\n\
         print(config['input_size'], config['interpolation'], config['crop_pct'], config['mean'])\n\
         timm.data.create_transform(**config, is_training=False)\n"
    );
    let loaded = python(&stage, &load).unwrap();
    let lines: Vec<&str> = loaded.lines().collect();
    assert_eq!(lines[0], made.trim(), "the very same weights");
    assert_eq!(lines[1..4], LABELS);
    assert_eq!(card().image().unwrap().crop_pct, 0.95);
    assert_eq!(lines[4], "[3, 160, 160] bilinear 0.95 [0.5, 0.5, 0.5]");
}

#[test]
fn huggingface_hub_reads_the_page() {
    let stage = Stage::new();
    let text = wanted(Path::new("best.safetensors")).files.remove(0);
    text.write(stage.folder.path()).unwrap();
    let script = "from huggingface_hub import ModelCard\n\
                  data = ModelCard.load('README.md').data\n\
                  print(data.license, data.library_name, data.pipeline_tag, data.base_model, data.tags)\n\
                  (result,) = data.eval_results\n\
                  print(result.dataset_name, '|', result.dataset_split, result.metric_type, result.metric_value)\n";
    let Some(printed) = python(&stage, script) else { return };
    let expected = [
        "apache-2.0 timm image-classification timm/test_resnet.r160_in1k ['timm', 'image-classification', 'rekindle']",
        "ants: and bees | test accuracy 0.6667",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn python_and_we_push_alike() {
    let stage = Stage::new();
    stage.server.allow_writes("hf_writer");
    let bytes = crate::support::weights();
    std::fs::create_dir(stage.folder.path().join("model")).unwrap();
    let weights = stage.folder.path().join("model/model.safetensors");
    std::fs::write(&weights, bytes).unwrap();
    let script = format!(
        "from huggingface_hub import HfApi\n\
         api = HfApi()\n\
         api.create_repo('{REPOSITORY}', private=True, exist_ok=True)\n\
         name = 'model.safetensors'\n\
         print(api.upload_file(path_or_fileobj='model/' + name, path_in_repo=name, repo_id='{REPOSITORY}').oid)\n"
    );
    let Some(printed) = python(&stage, &script) else { return };
    let mut wanted = wanted(&weights);
    wanted.files.remove(1);
    wanted.files.remove(0);
    let mut settings = stage.settings();
    settings.token = Token::new("hf_writer");
    let done = push(Hub::new(settings).client().unwrap(), &wanted, &unwatched).unwrap();
    assert_eq!(done.commit, printed.trim(), "nothing is left to do");
}
