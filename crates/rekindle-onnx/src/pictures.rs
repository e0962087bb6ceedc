//! What brings a picture to a network's input, as part of its graph: resizing, cropping and normalizing as Pillow and torchvision
//! do it, in operations that every runtime has.
//!
//! Resizing is two products with matrices whose weights are computed of the picture's size, across and then down, each rounded to
//! 8 bits as Pillow rounds. Pillow counts weights in 22 bits, a graph in float32: about one pixel in 10,000 is off by one.

use burn::tensor::{DType, TensorData};

use crate::{
    Error, Onnx,
    graph::{Attribute, Edge, Graph},
};

/// The input that takes its place: `[batch, height, width, channels]` in 8 bits.
const PIXELS: &str = "pixels";
/// The input of graphs of pictures.
const IMAGES: &str = "images";

/// How neighbors are weighed, by their distance in pixels of the smaller of the two pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// `1 - |x|` below 1.
    Triangle,
    /// Keys 1981 with a = -1/2, below 2.
    CatmullRom,
    /// `sinc(x) sinc(x / 3)` below 3.
    Lanczos,
}

/// The size to which a picture is brought before its middle is cut out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The short side to so many pixels; the long one is rounded down.
    ShortSide(usize),
    /// To this height and width, whatever they were.
    Squash([usize; 2]),
    /// As large as this height and width need; rounded half to even.
    Cover([usize; 2]),
}

/// What becomes of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureInput {
    /// Channels, height and width of the network's input.
    pub shape: [usize; 3],
    /// The size before the crop, which is no smaller.
    pub fit: Fit,
    /// How it is resized.
    pub filter: Filter,
    /// Subtracted from values in `[0, 1]`, one a channel.
    pub mean: Vec<f32>,
    /// Divides what is left, one a channel.
    pub std: Vec<f32>,
}

impl Onnx {
    /// The same, fed `pixels` in place of `images`: pictures of any one size, `[batch, height, width, channels]` in 8 bits, in
    /// RGB or gray as the network's channels are.
    ///
    /// # Errors
    ///
    /// If it is no graph of pictures of that shape.
    pub fn with_pictures(mut self, input: &PictureInput) -> Result<Self, Error> {
        let [channels, height, width] = input.shape.map(|extent| extent as i64);
        let graph = self.graph_mut();
        let place = graph.inputs.iter().position(|edge| {
            edge.name == IMAGES && edge.dims[1..] == [Ok(channels), Ok(height), Ok(width)]
        });
        let Some(place) = place else { return Err(Error::NoPictures) };
        let batch = graph.inputs[place].dims[0].clone();
        let of = |name: &str| Err(name.to_owned());
        graph.inputs[place] = Edge {
            name: PIXELS.to_owned(),
            dtype: DType::U8,
            dims: vec![batch, of("height"), of("width"), Ok(channels)],
        };
        // In front of what reads it.
        let nodes = std::mem::take(&mut graph.nodes);
        input.nodes(graph);
        graph.nodes.extend(nodes);
        Ok(self)
    }
}

impl PictureInput {
    /// From `pixels` to `images`.
    fn nodes(&self, graph: &mut Graph) {
        let [channels, height, width] = self.shape;
        let first = vec![("perm", Attribute::Ints(vec![0, 3, 1, 2]))];
        let x = graph.node("Transpose", &[PIXELS], first);
        let mut x = float(graph, &x);
        let axis =
            |start| vec![("start", Attribute::Int(start)), ("end", Attribute::Int(start + 1))];
        let [rows, columns] = [1, 2].map(|start| graph.node("Shape", &[PIXELS], axis(start)));
        let [to_rows, to_columns] = self.resized(graph, [&rows, &columns]);
        let across = self.weights(graph, [&columns, &to_columns], width);
        let turned = vec![("perm", Attribute::Ints(vec![1, 0]))];
        let across = graph.node("Transpose", &[&across], turned);
        x = graph.node("MatMul", &[&x, &across], vec![]);
        x = eight_bits(graph, &x);
        let down = self.weights(graph, [&rows, &to_rows], height);
        x = graph.node("MatMul", &[&down, &x], vec![]);
        x = eight_bits(graph, &x);
        let bits = graph.scalar(255.0, DType::F32);
        x = graph.node("Div", &[&x, &bits], vec![]);
        let mut vector = |values: &[f32]| {
            graph.constant("channels", TensorData::new(values.to_vec(), [1, channels, 1, 1]))
        };
        let (mean, std) = (vector(&self.mean), vector(&self.std));
        x = graph.node("Sub", &[&x, &mean], vec![]);
        x = graph.node("Div", &[&x, &std], vec![]);
        if let Some(node) = graph.nodes.iter_mut().find(|node| node.output == x) {
            node.output = IMAGES.to_owned();
        }
    }

    /// Height and width before the crop, of those that are given; lists of one number.
    fn resized(&self, graph: &mut Graph, [rows, columns]: [&str; 2]) -> [String; 2] {
        match self.fit {
            Fit::Squash(size) => size.map(|side| graph.ints(&[side as i64])),
            Fit::ShortSide(side) => {
                let short = graph.node("Min", &[rows, columns], vec![]);
                let side = graph.ints(&[side as i64]);
                [rows, columns].map(|extent| {
                    let extent = graph.node("Mul", &[extent, &side], vec![]);
                    graph.node("Div", &[&extent, &short], vec![])
                })
            }
            Fit::Cover(size) => {
                let sides = [float(graph, rows), float(graph, columns)];
                let ratios: Vec<String> = sides
                    .iter()
                    .zip(size)
                    .map(|(side, size)| {
                        let size = graph.scalar(size as f64, DType::F32);
                        graph.node("Div", &[side, &size], vec![])
                    })
                    .collect();
                let ratio = graph.node("Min", &[&ratios[0], &ratios[1]], vec![]);
                sides.map(|side| {
                    let side = graph.node("Div", &[&side, &ratio], vec![]);
                    let side = graph.node("Round", &[&side], vec![]);
                    let whole = ("to", Attribute::Int(crate::proto::data_type(DType::I64).into()));
                    graph.node("Cast", &[&side], vec![whole])
                })
            }
        }
    }

    /// What each of `kept` pixels in the middle of an axis is made of, `[kept, from]`: the axis has `from` pixels, and `to` once
    /// it is resized.
    fn weights(&self, graph: &mut Graph, [from, to]: [&str; 2], kept: usize) -> String {
        // Where the crop begins, as `centered` of the pictures' own crate has it.
        let size = graph.ints(&[kept as i64]);
        let over = graph.node("Sub", &[to, &size], vec![]);
        let over = float(graph, &over);
        let two = graph.scalar(2.0, DType::F32);
        let half = graph.node("Div", &[&over, &two], vec![]);
        let first = graph.node("Round", &[&half], vec![]);
        let places: Vec<f32> = (0..kept).map(|place| place as f32 + 0.5).collect();
        let places = graph.constant("places", TensorData::new(places, [kept, 1]));
        let places = graph.node("Add", &[&places, &first], vec![]);
        let (from_float, to_float) = (float(graph, from), float(graph, to));
        let scale = graph.node("Div", &[&from_float, &to_float], vec![]);
        let centers = graph.node("Mul", &[&places, &scale], vec![]);
        let one = graph.scalar(1.0, DType::F32);
        let wide = graph.node("Max", &[&scale, &one], vec![]);
        let [start, step] = [0.0, 1.0].map(|value| graph.scalar(value, DType::I64));
        let none = graph.ints(&[0]);
        let count = graph.node("Squeeze", &[from, &none], vec![]);
        let at = graph.node("Range", &[&start, &count, &step], vec![]);
        let at = float(graph, &at);
        let middle = graph.scalar(0.5, DType::F32);
        let at = graph.node("Add", &[&at, &middle], vec![]);
        let apart = graph.node("Sub", &[&at, &centers], vec![]);
        let apart = graph.node("Div", &[&apart, &wide], vec![]);
        let apart = graph.node("Abs", &[&apart], vec![]);
        let weights = self.filter.nodes(graph, &apart);
        let last = graph.ints(&[1]);
        let keep = vec![("keepdims", Attribute::Int(1))];
        let sum = graph.node("ReduceSum", &[&weights, &last], keep);
        graph.node("Div", &[&weights, &sum], vec![])
    }
}

impl Filter {
    /// The weight of each distance.
    fn nodes(self, graph: &mut Graph, x: &str) -> String {
        match self {
            Self::Triangle => {
                let [zero, one] = [0.0, 1.0].map(|value| graph.scalar(value, DType::F32));
                let y = graph.node("Sub", &[&one, x], vec![]);
                graph.node("Max", &[&y, &zero], vec![])
            }
            Self::CatmullRom => {
                // Below 1: ((a + 2) x - (a + 3)) x^2 + 1; below 2: (((x - 5) x + 8) x - 4) a; with a = -1/2.
                let near = polynomial(graph, x, &[1.5, -2.5, 0.0, 1.0]);
                let far = polynomial(graph, x, &[-0.5, 2.5, -4.0, 2.0]);
                let far = below(graph, x, 2.0, &far, None);
                below(graph, x, 1.0, &near, Some(&far))
            }
            Self::Lanczos => {
                // At no distance sinc is 1, which a distance this small gives too.
                let least = graph.scalar(1e-6, DType::F32);
                let x = graph.node("Max", &[x, &least], vec![]);
                let mut sinc = |lobes: f64| {
                    let by = graph.scalar(std::f64::consts::PI / lobes, DType::F32);
                    let angle = graph.node("Mul", &[&x, &by], vec![]);
                    let sine = graph.node("Sin", &[&angle], vec![]);
                    graph.node("Div", &[&sine, &angle], vec![])
                };
                let (one, three) = (sinc(1.0), sinc(3.0));
                let y = graph.node("Mul", &[&one, &three], vec![]);
                below(graph, &x, 3.0, &y, None)
            }
        }
    }
}

/// By Horner's rule, the greatest power first.
fn polynomial(graph: &mut Graph, x: &str, factors: &[f64]) -> String {
    let mut y = graph.scalar(factors[0], DType::F32);
    for factor in &factors[1..] {
        y = graph.node("Mul", &[&y, x], vec![]);
        let factor = graph.scalar(*factor, DType::F32);
        y = graph.node("Add", &[&y, &factor], vec![]);
    }
    y
}

/// One value where `x` is below a limit, elsewhere another or zero.
fn below(graph: &mut Graph, x: &str, limit: f64, then: &str, other: Option<&str>) -> String {
    let limit = graph.scalar(limit, DType::F32);
    let is = graph.node("Less", &[x, &limit], vec![]);
    let zero = graph.scalar(0.0, DType::F32);
    graph.node("Where", &[&is, then, other.unwrap_or(&zero)], vec![])
}

fn float(graph: &mut Graph, x: &str) -> String {
    graph.node("Cast", &[x], vec![("to", Attribute::Int(crate::proto::FLOAT.into()))])
}

/// Rounded half up to whole numbers from 0 to 255, as Pillow does.
fn eight_bits(graph: &mut Graph, x: &str) -> String {
    let [half, zero, most] = [0.5, 0.0, 255.0].map(|value| graph.scalar(value, DType::F32));
    let y = graph.node("Add", &[x, &half], vec![]);
    let y = graph.node("Floor", &[&y], vec![]);
    graph.node("Clip", &[&y, &zero, &most], vec![])
}
