use burn::module::Module;

use super::{flow::numbers, *};
use crate::{Flow, Landmarks, parameters};

/// A layer over rows of numbers, or the numbers as they are.
#[derive(Module, Debug)]
struct Rows {
    layer: Option<Linear>,
    width: usize,
}

impl Rows {
    fn new(width: usize, units: Option<usize>, device: &Device) -> Self {
        Self { layer: units.map(|units| LinearConfig::new(width, units).init(device)), width }
    }
}

impl Backbone for Rows {
    type Input = Tensor<2>;
    type Flow = Tensor<2>;

    fn stages(&self) -> Vec<Stage> {
        let units = self.embed_dim();
        self.layer.iter().map(|_| Stage::vector("layer", &["layer"], units)).collect()
    }

    fn enter(&self, input: Tensor<2>) -> Tensor<2> {
        input
    }

    fn stage(&self, _: usize, x: Tensor<2>) -> Tensor<2> {
        self.layer.as_ref().map(|layer| layer.forward(x.clone())).unwrap_or(x)
    }

    fn pool(&self, x: Tensor<2>) -> Tensor<2> {
        x
    }

    fn embed_dim(&self) -> usize {
        self.layer.as_ref().map_or(self.width, |layer| layer.weight.lazy_shape()[1])
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "", classifier: "head" }
    }
}

fn several(join: JoinConfig, device: &Device) -> Several<Rows> {
    let part = |name: &str, network, hidden, per_item| PartConfig {
        name: name.to_owned(),
        network,
        hidden,
        per_item,
    };
    Several::new(
        vec![
            part("text", Rows::new(4, Some(3), device), None, 2),
            part("line", Rows::new(5, None, device), Some(2), 1),
            part("age", Rows::new(1, None, device), None, 1),
        ],
        join,
        device,
    )
}

fn input(device: &Device) -> Vec<Tensor<2>> {
    [[4, 4], [2, 5], [2, 1]]
        .map(|shape| {
            let numbers = Tensor::<1, Int>::arange(0..(shape[0] * shape[1]) as i64, device);
            numbers.float().sin().reshape(shape)
        })
        .to_vec()
}

fn values(x: Tensor<2>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}

#[test]
fn parts_are_joined_side_by_side_and_every_parameter_has_a_stage() {
    let device = Device::flex();
    let config = |hidden: &[usize], residual, dropout| JoinConfig {
        hidden: hidden.to_vec(),
        residual,
        dropout,
    };
    for (join, dim, tensors, layers) in [
        (JoinConfig::default(), 3 * 2 + 2 + 1, 4, &[][..]),
        (config(&[7], false, 0.5), 7, 6, &[]),
        (config(&[7, 3], false, 0.0), 3, 8, &["layers.0"]),
        (config(&[7, 7, 7], true, 0.0), 7, 14, &["layers.0", "layers.1"]),
    ] {
        let network = several(join.clone(), &device);
        let names: Vec<String> = network.stages().into_iter().map(|stage| stage.name).collect();
        assert_eq!(names, [&["text.layer", "line.hidden", "join"], layers].concat());
        assert_eq!(network.depth(), 3 + layers.len());
        assert_eq!((network.embed_dim(), network.dropout()), (dim, join.dropout));
        assert_eq!(network.embed(input(&device)).dims(), [2, dim]);
        let found = parameters(&network);
        assert_eq!(found.len(), tensors);
        for parameter in found {
            let owners = network.stages().iter().filter(|it| it.owns(&parameter.name)).count();
            assert_eq!(owners, 1, "{}", parameter.name);
        }
    }
    // By hand: a part's inputs of one item lie one behind the other.
    let network = several(JoinConfig::default(), &device);
    let joined = values(network.embed(input(&device)));
    let [text, line, age] = [0, 1, 2].map(|part| input(&device)[part].clone());
    let layer = network.parts[0].network.layer.as_ref().unwrap();
    let own = values(layer.forward(text));
    let hidden = values(relu(network.parts[1].hidden.as_ref().unwrap().forward(line)));
    let age = values(age);
    for item in 0..2 {
        let expected = [&own[item * 6..][..6], &hidden[item * 2..][..2], &age[item..][..1]];
        assert_eq!(joined[item * 9..][..9], expected.concat());
    }
}

#[test]
fn layers_behind_the_join_are_dense_or_added_to_what_they_read() {
    let device = Device::flex();
    for residual in [false, true] {
        let join = JoinConfig { hidden: vec![5, 5], residual, dropout: 0.0 };
        let network = several(join, &device);
        let x = network.enter(input(&device));
        let x = (0..3).fold(x, |x, index| network.stage(index, x));
        let found = values(network.pool(network.stage(3, x.clone())));
        let joined = network.pool(x);
        let layer = &network.layers[0];
        let inside = relu(layer.linear.forward(joined.clone()));
        let expected = match &layer.add {
            Some(add) => joined + add.forward(inside),
            None => inside,
        };
        assert_eq!(layer.add.is_some(), residual);
        assert_eq!(found, values(expected));
    }
}

#[test]
fn what_passes_is_kept_and_read_again_behind_every_stage() {
    let device = Device::flex();
    let join = JoinConfig { hidden: vec![7, 7], residual: true, dropout: 0.0 };
    let network = several(join, &device);
    let expected = values(network.embed(input(&device)));
    let mut flow = network.enter(input(&device));
    for cut in 0..=network.depth() {
        // Before its first stage, the first part has two rows an item.
        assert_eq!(network.same_shapes(cut), cut > 0, "{cut}");
        if cut > 0 {
            let (shapes, rows) = (flow.shapes(), flow.clone().into_rows());
            assert_eq!(rows.len(), 2 * numbers(&shapes), "{cut}");
            let again = SeveralFlow::from_rows(rows, &shapes, &device);
            let rest = (cut..network.depth()).fold(again, |x, index| network.stage(index, x));
            assert_eq!(values(network.pool(rest)), expected, "{cut}");
        }
        if cut < network.depth() {
            flow = network.stage(cut, flow);
        }
    }
}
