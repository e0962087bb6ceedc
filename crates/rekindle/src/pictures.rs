//! Models of pictures.

use std::sync::Arc;

use burn::{prelude::*, tensor::TensorData};
use rekindle_base::Random;
use rekindle_cards::{CropMode, HubConfig, InputSpec, Interpolation, Preprocessing};
use rekindle_checkpoint::{CheckpointFile, LoadReport};
use rekindle_data::{
    DataConfig, Dense, Digests, Gathered, Measurable, Part, Target, TargetKind, canonical,
    manifest::Offer,
};
use rekindle_finetune::Sheet;
use rekindle_images::{
    Augment, DataSet, Picture, PictureConfig, PreparePictures, Preprocess, Source,
    measure_pictures, offer, open_pictures, read_pictures,
};
use rekindle_onnx::{Filter, Fit, Onnx, PictureInput};
use rekindle_report::ItemKind;
use rekindle_train::Failure;
use rekindle_transfer::Classifier;
use rekindle_vision::{Architecture, Init, VisionBackbone, VisionFlow};
use serde_json::json;

use crate::{
    Error, ModelTask,
    export::normal,
    modality::{InGraph, Modality},
    model::{ModelOf, config_text, parsed},
};

/// A vision network with its head.
pub type Network = Classifier<VisionBackbone>;

/// A model of pictures.
pub type Model = ModelOf<Pictures>;

/// Pictures, as files or in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pictures;

impl crate::Model {
    /// A network for pictures of another height and width than its weights expect, for a task whose outputs have these names:
    /// tables of positions are resampled.
    ///
    /// # Errors
    ///
    /// Those of [`for_task`](crate::ModelOf::for_task), or if no picture can have this size.
    pub fn of_size<T: ModelTask>(
        name: Option<&str>,
        weights: Option<&CheckpointFile>,
        (task, names): (&T, &[String]),
        size: usize,
        device: &Device,
    ) -> Result<(Self, Option<LoadReport>), Error> {
        let (modality, config) = match (weights, name) {
            (Some(file), name) => Pictures::of_weights(name, file)?,
            (None, Some(name)) => Pictures::untrained(name, &[])?,
            (None, None) => return Err(Error::NoModel),
        };
        let about = config.image()?;
        let [channels, ..] = about.input_size;
        let about = Preprocessing { input_size: [channels, size, size], ..about.clone() };
        about.validate()?;
        let config = HubConfig { input: InputSpec::Image(about), ..config };
        Self::begun((modality, config), weights, task, names, device)
    }
}

impl Modality for Pictures {
    const MANY: &'static str = "pictures";
    const ONE: &'static str = "picture";
    const KIND: ItemKind = ItemKind::Pictures;
    const MIRRORED: Option<fn(Tensor<4>) -> Tensor<4>> = Some(|images| images.flip([3]));

    type Backbone = VisionBackbone;
    type Prepare = PreparePictures;
    type Options = PictureConfig;
    type Data = DataConfig;

    fn of_weights(name: Option<&str>, file: &CheckpointFile) -> Result<(Self, HubConfig), Error> {
        let Some(text) = config_text(file) else {
            let name = name.ok_or_else(|| Error::NoConfig(file.path().to_owned()))?;
            return Ok((Self, HubConfig::from_card(rekindle_cards::find(name)?)));
        };
        Ok((Self, parsed(name, file, text)?))
    }

    fn untrained(name: &str, _: &[&Source]) -> Result<(Self, HubConfig), Error> {
        Ok((Self, HubConfig::from_card(rekindle_cards::find(name)?)))
    }

    fn backbone(&self, config: &HubConfig, device: &Device) -> Result<VisionBackbone, Error> {
        let [channels_in, height, width] = config.image()?.input_size;
        let init = Init { channels_in, size: Some([height, width]), ..Init::default() };
        Ok(Architecture::find(&config.architecture)?.init(&init, device))
    }

    fn prepare(
        &self,
        config: &HubConfig,
        options: &PictureConfig,
    ) -> Result<PreparePictures, Error> {
        Ok(PreparePictures::new(&Preprocess::new(config.image()?)?, options)?)
    }

    fn sample(
        &self,
        config: &HubConfig,
        [items, _]: [usize; 2],
        random: &mut Random,
    ) -> Result<Dense, Error> {
        let [channels, height, width] = config.image()?.input_size;
        Ok(normal(random, vec![items, channels, height, width]))
    }

    fn in_graph(&self, config: &HubConfig, onnx: Onnx) -> Result<InGraph<Self>, Error> {
        let about = config.image()?;
        let preprocess = Preprocess::new(about)?;
        let Some(input) = picture_input(about) else {
            return Err(Error::NotInGraph { name: config.name(), many: Self::MANY });
        };
        let onnx = onnx.with_pictures(&input)?;
        let [channels, height, width] = about.input_size;
        // Smaller and larger than the network's input, upright and lying.
        let items = [[height * 2 + 7, width + 40], [height / 2 + 3, width * 3 / 4 + 1]];
        let items = items.into_iter().zip(0..).map(|([rows, columns], index)| {
            let mut random = Random::new(0, 1, index);
            let count = 2;
            let pictures = (0..count).map(|_| drawn([rows, columns, channels], &mut random));
            let pictures = pictures.collect::<Result<Vec<Picture>, Error>>()?;
            let pixels = pictures.iter().flat_map(|picture| picture.pixels().iter().copied());
            let pixels = TensorData::new(pixels.collect(), [count, rows, columns, channels]);
            let values = pictures.iter().map(|picture| preprocess.apply(picture));
            let values = values.collect::<Result<Vec<_>, _>>()?.concat();
            let batch = Dense { values, shape: vec![count, channels, height, width] };
            Ok(([("pixels".to_owned(), pixels)].into_iter().collect(), batch))
        });
        Ok(InGraph { onnx, items: items.collect::<Result<_, Error>>()? })
    }

    fn plain(options: &PictureConfig) -> PictureConfig {
        PictureConfig { augment: Augment::NONE, ..options.clone() }
    }

    fn once() -> PictureConfig {
        PictureConfig { cache_bytes: 0, ..PictureConfig::default() }
    }

    fn usual(kind: TargetKind) -> PictureConfig {
        PictureConfig { augment: Augment::usual(kind), ..PictureConfig::default() }
    }

    fn check(options: &PictureConfig, items: &[&Source]) -> Result<(), Error> {
        if let Some(disk) = &options.disk {
            disk.check(items.iter().filter_map(|item| rekindle_data::Item::path(*item)))?;
        }
        Ok(())
    }

    fn sheet(&self, config: &HubConfig) -> Result<Option<Arc<Sheet<Dense>>>, Error> {
        let preprocess = Preprocess::new(config.image()?)?;
        Ok(Some(Arc::new(move |batch: &Dense, shown| sheet(batch, &preprocess, shown))))
    }

    fn mean(flow: VisionFlow) -> Tensor<2> {
        flow.mean()
    }

    fn open<L: Target>(data: &DataConfig) -> Result<DataSet<L>, Error> {
        Ok(open_pictures(data)?)
    }

    fn measurable<L: Target>(
        data: &DataConfig,
        part: Option<Part>,
    ) -> Result<Measurable<L, Source>, Error> {
        Ok(measure_pictures(data, part)?)
    }

    fn gathered(data: &DataConfig, kind: TargetKind) -> Result<Gathered<Source>, Error> {
        Ok(read_pictures(data, kind)?)
    }

    fn offer(data: &DataConfig) -> Result<Offer, Error> {
        Ok(offer(&data.path)?)
    }

    fn digest(item: &Source, files: &Digests) -> Result<[u8; 32], Error> {
        Ok(item.digest(files)?)
    }

    fn identity(&self, config: &HubConfig) -> String {
        canonical(&json!(config.image().ok()))
    }

    fn preprocessing(config: &HubConfig) -> String {
        let Ok(about) = config.image() else { return config.input.described() };
        let [_, height, width] = about.input_size;
        format!(
            "{height} x {width} pixels, {:?} of {:.1}% by {:?}, mean {:?}, deviation {:?}",
            about.crop_mode,
            100.0 * about.crop_pct,
            about.interpolation,
            about.mean,
            about.std
        )
        .to_lowercase()
    }
}

impl Model {
    /// A network with its config.
    ///
    /// # Panics
    ///
    /// If the network has another number of outputs than the config says.
    pub fn new(network: Network, config: HubConfig) -> Self {
        Self::of(network, config, Pictures)
    }

    /// How pictures become inputs of this network.
    ///
    /// # Errors
    ///
    /// If the config asks for something impossible.
    pub fn preprocess(&self) -> Result<Preprocess, Error> {
        Ok(Preprocess::new(self.config().image()?)?)
    }
}

/// The first pictures of a batch as the network sees them, side by side, as a PNG.
fn sheet(batch: &Dense, preprocess: &Preprocess, shown: usize) -> Result<Vec<u8>, Failure> {
    let width = batch.shape[1..].iter().product::<usize>().max(1);
    let inputs = batch.values.chunks_exact(width).take(shown);
    let pictures: Vec<Picture> = inputs.map(|input| preprocess.restore(input)).collect();
    Ok(Picture::sheet(&pictures, 4).to_png()?)
}

/// What is done to pictures, as a graph does it; nothing where it has no words for it.
fn picture_input(about: &Preprocessing) -> Option<PictureInput> {
    let [channels, height, width] = about.input_size;
    let filter = match about.interpolation {
        Interpolation::Bilinear => Filter::Triangle,
        Interpolation::Bicubic => Filter::CatmullRom,
        Interpolation::Lanczos => Filter::Lanczos,
        Interpolation::Nearest => return None,
    };
    let size = [height, width].map(|side| (side as f64 / about.crop_pct).floor() as usize);
    let fit = match about.crop_mode {
        CropMode::Squash => Fit::Squash(size),
        CropMode::Center if size[0] == size[1] => Fit::ShortSide(size[0]),
        CropMode::Center => Fit::Cover(size),
        CropMode::Border => return None,
    };
    let row = |values: &[f32]| {
        if values.len() == 1 { vec![values[0]; channels] } else { values.to_vec() }
    };
    let (mean, std) = (row(&about.mean), row(&about.std));
    Some(PictureInput { shape: about.input_size, fit, filter, mean, std })
}

/// A picture of waves and noise.
fn drawn([rows, columns, channels]: [usize; 3], random: &mut Random) -> Result<Picture, Error> {
    let waves: Vec<[f64; 3]> =
        (0..channels).map(|_| std::array::from_fn(|_| random.between(0.01, 0.3))).collect();
    let mut pixels = Vec::with_capacity(rows * columns * channels);
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        for [down, across, turn] in &waves {
            let angle = down * row as f64 + across * column as f64;
            let value = 127.5 + 90.0 * angle.sin() + 300.0 * turn * (random.unit() - 0.5);
            pixels.push(value.clamp(0.0, 255.0) as u8);
        }
    }
    Ok(match channels {
        1 => Picture::from_gray(columns, rows, pixels)?,
        _ => Picture::from_rgb(columns, rows, pixels)?,
    })
}
