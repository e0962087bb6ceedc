//! Pictures on the command line.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rekindle::{
    Device, Modality as _, ModelTask, Pictures,
    checkpoint::LoadReport,
    data::{
        DataConfig, DiskCache, DiskCacheUse, MixConfig, PictureConfig, Sample, Source, Target,
        TargetKind, Unusable, lists, manifest, screen,
    },
};

use rekindle_doctor::{Diagnosis, Options, examine, pictures};
use serde_json::json;

use super::{
    super::{augment::Augmentation, items::files, spoken::Spoken},
    Draws, ItemArguments, Kind, Named, Origin, Place,
    named::labelled,
    refuse,
};

impl Kind for Pictures {
    const KEY: &'static str = "image";
    const COUNTED: &'static str = "images";
    const DECAY: f64 = 0.7;

    fn rate(_: &str) -> f64 {
        0.01
    }

    fn spoken(model: &rekindle::Model, item: &Source, output: usize) -> anyhow::Result<Spoken> {
        let cam = model.grad_cam(item.clone(), output)?;
        let [rows, columns] = cam.size;
        let hottest = (0..cam.heat.len()).max_by(|&a, &b| cam.heat[a].total_cmp(&cam.heat[b]));
        let at = hottest.unwrap_or(0);
        let share = |place: usize, of: usize| 100 * (2 * place + 1) / (2 * of.max(1));
        let line = format!(
            "looked most {}% from the left, {}% from the top",
            share(at % columns.max(1), columns),
            share(at / columns.max(1), rows),
        );
        let map: Vec<&[f32]> = cam.heat.chunks(columns.max(1)).collect();
        Ok(Spoken { line, json: ("map", json!(map)), overlay: Some(cam.overlay().to_png()?) })
    }

    fn place(Place { config, text, label, .. }: Place<'_>) -> anyhow::Result<DataConfig> {
        refuse(!text.is_empty(), "--text", "texts")?;
        refuse(label.is_some(), "--label", "texts")?;
        Ok(config)
    }

    fn begun<T: ModelTask>(
        of: Origin<'_>,
        task: &T,
        (names, items): (&[String], &[&Source]),
        device: &Device,
    ) -> anyhow::Result<(rekindle::Model, Option<LoadReport>)> {
        Ok(match of.size {
            Some(size) => {
                rekindle::Model::of_size(of.name, of.weights, (task, names), size, device)?
            }
            None => rekindle::Model::for_items(of.name, of.weights, task, names, items, device)?,
        })
    }

    fn augmented(
        asked: Option<Augmentation>,
        kind: TargetKind,
        model: &rekindle::Model,
    ) -> anyhow::Result<PictureConfig> {
        let augment = Augmentation::or_usual(asked, kind, &model.config().tag)?;
        Ok(PictureConfig { augment, ..PictureConfig::default() })
    }

    fn kept(
        options: PictureConfig,
        _: &rekindle::Model,
        folder: &Path,
        bytes: u64,
    ) -> anyhow::Result<PictureConfig> {
        Ok(PictureConfig { disk: Some(DiskCache::open(folder, bytes)?), ..options })
    }

    fn draws(mix: MixConfig) -> anyhow::Result<Draws<Self>> {
        Ok((!mix.is_none()).then(|| Arc::new(mix) as _))
    }

    fn notes(options: &PictureConfig, told: bool) -> Vec<String> {
        let mut used = options.disk.as_ref().map(|disk| disk.used());
        if !told {
            // Why it was closed names its file.
            used.iter_mut().for_each(|used| used.closed = None);
        }
        used.as_ref().map(pixels_note).into_iter().collect()
    }

    fn with_vectors(
        _: rekindle::Model,
        vectors: &Path,
        _: &rekindle::Device,
    ) -> anyhow::Result<(rekindle::Model, String)> {
        anyhow::bail!("{}: --vectors is for texts; leave it out", vectors.display())
    }

    fn screened<L: Target>(samples: Vec<Sample<L>>) -> (Vec<Sample<L>>, Vec<Unusable<L>>) {
        screen(samples, rayon::current_num_threads())
    }

    fn examined(
        data: &DataConfig,
        options: &Options,
        _: Option<&rekindle::Model>,
    ) -> anyhow::Result<Diagnosis> {
        let options = Options { targets: data.targets.clone(), ..options.clone() };
        Ok(examine(&data.path, &options)?)
    }

    fn to_embed(data: &DataConfig) -> anyhow::Result<Vec<(PathBuf, Source)>> {
        Ok(pictures(&data.path, &data.targets)?)
    }

    fn items(asked: &ItemArguments, _: &rekindle::Model) -> anyhow::Result<Vec<Named<Source>>> {
        refuse(!asked.text.is_empty(), "--text", "texts")?;
        if let Some(data) = &asked.data {
            return of_data(data);
        }
        let mut pictures = Vec::new();
        for item in &asked.items {
            if manifest::is_manifest(item) {
                pictures.extend(of_data(item)?);
                continue;
            }
            pictures.extend(files(std::slice::from_ref(item))?.into_iter().map(of_file));
        }
        Ok(pictures)
    }

    fn cell(name: &str) -> String {
        rekindle_base::path_cell(name).into_owned()
    }

    fn item(word: &Path) -> Source {
        Source::File(word.to_owned())
    }
}

fn of_file(path: PathBuf) -> Named<Source> {
    Named { name: path.display().to_string(), item: path.into(), label: String::new() }
}

/// The pictures of a data set with their labels, or of lists that name none.
fn of_data(data: &Path) -> anyhow::Result<Vec<Named<Source>>> {
    let config = DataConfig::new(data);
    let offer = Pictures::offer(&config)?;
    if !offer.label && !offer.labels {
        return unlabelled(data);
    }
    labelled::<Pictures>(&config, |place, item| match item {
        Source::File(path) => path.display().to_string(),
        // Of many in a file.
        Source::Memory(_) | Source::Bytes { .. } => format!("{}#{place}", data.display()),
    })
}

fn unlabelled(data: &Path) -> anyhow::Result<Vec<Named<Source>>> {
    let lists: Vec<PathBuf> = match data.is_dir() {
        true => lists(data)?.into_iter().map(|(_, list)| list).collect(),
        false => vec![data.to_owned()],
    };
    let mut pictures = Vec::new();
    for list in lists {
        let table = manifest::Table::read(&list).map_err(rekindle::data::Error::from)?;
        let Some(column) = table.column(manifest::PATH) else { continue };
        let folder = list.parent().unwrap_or(Path::new(""));
        pictures.extend(table.rows.iter().map(|(_, cells)| of_file(folder.join(&cells[column]))));
    }
    Ok(pictures)
}

/// What the cache of pictures on disk did.
fn pixels_note(used: &DiskCacheUse) -> String {
    let DiskCacheUse { pictures, found, closed, forgotten } = used;
    let why = closed.as_ref().map_or_else(String::new, |why| format!("; nothing was added: {why}"));
    let anew = match forgotten {
        true => "; what was there was dropped, for some of it was not what the files hold",
        false => "",
    };
    format!("decoded pictures on disk: {pictures}, read {found} times{why}{anew}")
}
