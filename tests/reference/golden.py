#!/usr/bin/env python3
"""Writes golden files: what a network of somebody else's computes in float64 from weights filled by a formula.

    pip install torch timm
    python golden.py timm/resnet18 paper/resnet20_cifar --size 64 --classes 7 --out tests/golden

`timm/NAME` is timm's network. `paper/resnetN_cifar` is the ResNet for 32x32 pictures, written down here from
section 4.2 of He et al. 2015 (https://arxiv.org/abs/1512.03385), since timm has none, and `paper/densenet_bc_cifar` the
DenseNet of depth 100 and growth rate 12 from section 3 of Huang et al. 2016 (https://arxiv.org/abs/1608.06993). The
formula is explained in `crates/rekindle-lab/src/parity/fill.rs`; `cargo xtask parity` fills the same names with the same
numbers.
"""
import argparse
import json
import math
import pathlib
import re

import numpy
import timm
import torch
from torch import nn
from torch.nn import functional

BATCH = 2
TARGETS = [1, 3]
# How much of a nudge of 1 % the logits are to show: far less is a dead signal, far more is chaos in float32.
SENSITIVITY = 3e-3
MASK = 2**64 - 1


def uniform(name, shape):
    """Numbers in [-1, 1) that depend on a name and a place alone, exact in float32."""
    start = 0xCBF29CE484222325
    for byte in name.encode():
        start = ((start ^ byte) * 0x100000001B3) & MASK
    count = math.prod(shape)
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(start) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        for shift, factor in [(30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)]:
            x = (x ^ (x >> numpy.uint64(shift))) * numpy.uint64(factor)
        x ^= x >> numpy.uint64(31)
    u = (x >> numpy.uint64(40)).astype(numpy.float64) / 2**23 - 1
    return torch.from_numpy(u.astype(numpy.float32).reshape(shape))


def filled(name, shape, variance):
    """The values of a tensor, every product rounded to float32."""
    if len(shape) >= 2:
        amplitude = 0.1 if shape[0] == 1 else math.sqrt(6 * shape[0] / math.prod(shape))
        middle = 0.0
    elif name.endswith("running_var"):
        middle, amplitude = variance, 0.2 * variance
    elif name.endswith(("running_mean", "bias")):
        middle, amplitude = 0.0, 0.1
    else:
        middle, amplitude = 1.0, 0.1
    middle, amplitude = torch.tensor(middle), torch.tensor(amplitude)
    return middle + amplitude * uniform(name, shape)


def fill(model, variance):
    state = model.state_dict()
    for name, tensor in state.items():
        new = filled(name, tensor.shape, variance) if tensor.is_floating_point() else torch.zeros_like(tensor)
        state[name] = new.to(tensor.dtype)
    model.load_state_dict(state)


class CifarBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut without parameters (option A of the paper)."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride, self.more = stride, (channels - channels_in) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        return functional.relu(y + functional.pad(shortcut, (0, 0, 0, 0, self.more, self.more)))


class CifarResNet(nn.Module):
    """Depth 6n + 2: a convolution, three layers of n blocks, the mean, and a linear layer."""

    def __init__(self, depth, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        channels, blocks = 16, (depth - 2) // 6
        for index, width in enumerate([16, 32, 64]):
            layer = []
            for place in range(blocks):
                layer.append(CifarBlock(channels, width, 2 if index > 0 and place == 0 else 1))
                channels = width
            self.add_module(f"layer{index + 1}", nn.Sequential(*layer))
        self.linear = nn.Linear(channels, classes)

    def forward_features(self, x):
        x = functional.relu(self.bn1(self.conv1(x)))
        return self.layer3(self.layer2(self.layer1(x)))

    def forward(self, x):
        return self.linear(self.forward_features(x).mean((2, 3)))


class CifarDenseLayer(nn.Module):
    """Norm, ReLU, 1x1 to four times the growth rate, norm, ReLU, 3x3; what it computes comes behind what it reads."""

    def __init__(self, channels, growth):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, 1, 1, bias=False)

    def forward(self, x):
        y = self.conv1(functional.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(functional.relu(self.norm2(y)))], 1)


class CifarDenseNet(nn.Module):
    """A convolution, three blocks of 16 layers with transitions to half the channels between, a norm, the mean, a linear layer."""

    def __init__(self, classes, growth=12, depth=16):
        super().__init__()
        channels = 2 * growth
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(3, channels, 3, 1, 1, bias=False))
        for index in (1, 2, 3):
            block = nn.Sequential()
            for place in range(depth):
                block.add_module(f"denselayer{place + 1}", CifarDenseLayer(channels, growth))
                channels += growth
            self.features.add_module(f"denseblock{index}", block)
            if index < 3:
                transition = nn.Sequential()
                transition.add_module("norm", nn.BatchNorm2d(channels))
                transition.add_module("relu", nn.ReLU())
                channels //= 2
                transition.add_module("conv", nn.Conv2d(2 * channels, channels, 1, bias=False))
                transition.add_module("pool", nn.AvgPool2d(2))
                self.features.add_module(f"transition{index}", transition)
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, classes)

    def forward_features(self, x):
        return functional.relu(self.features(x))

    def forward(self, x):
        return self.classifier(self.forward_features(x).mean((2, 3)))


def create(spec, classes, size, built_for):
    library, name = spec.split("/", 1)
    if library == "timm":
        # Neither dropout nor stochastic depth: they draw random numbers.
        options = {"num_classes": classes, "drop_rate": 0.0}
        try:
            # A table of positions is one for pictures of this size.
            if built_for:
                options |= {"img_size": built_for, "dynamic_img_size": True}
            else:
                options["img_size"] = size
            model = timm.create_model(name, **options)
        except TypeError:
            if built_for:
                raise
            model = timm.create_model(name, num_classes=classes, drop_rate=0.0)
        return model, f"timm {timm.__version__}"
    if spec == "paper/densenet_bc_cifar":
        return CifarDenseNet(classes), "written from the paper"
    depth = re.fullmatch(r"resnet(\d+)_cifar", name)
    if library != "paper" or not depth:
        raise SystemExit(f"{spec}: neither timm/NAME, paper/resnetN_cifar nor paper/densenet_bc_cifar")
    return CifarResNet(int(depth[1]), classes), "written from the paper"


def digest(tensor, probes):
    """Shape, length, and some values at even distances."""
    flat = tensor.detach().double().flatten()
    count = min(probes, flat.numel())
    at = [place * (flat.numel() - 1) // max(count - 1, 1) for place in range(count)]
    return {"shape": list(tensor.shape), "l2": flat.norm().item(), "at": at, "value": flat[at].tolist()}


def golden(spec, size, classes, built_for=None):
    model, library = create(spec, classes, size, built_for)
    model = model.double().eval()
    shape = [BATCH, 3, size, size]
    x, nudge = uniform("input", shape).double(), 0.01 * uniform("nudge", shape).double()

    def distance(variance):
        """How far the sensitivity is from what is wanted, in powers of e."""
        fill(model, variance)
        with torch.no_grad():
            logits = model(x)
            moved = (model(x + nudge) - logits).norm() / logits.norm()
        return abs(math.log(max(moved.item(), 1e-30) / SENSITIVITY))

    # A larger variance damps the signal; without norms there is none to choose.
    scales = [1.25 * 1.5**power for power in range(-6, 7)]
    normed = any(name.endswith("running_var") for name in model.state_dict())
    variance = min(scales, key=distance) if normed else 1.25
    variance = float(f"{variance:.6g}")
    fill(model, variance)
    result = {
        "model": spec,
        "library": library,
        "torch": torch.__version__,
        "num_classes": classes,
        "input_shape": shape,
        "built_for": [built_for] * 2 if built_for else None,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "running_var_scale": variance,
        "tensors": [
            [name, list(tensor.shape), "f32" if tensor.is_floating_point() else "i64"]
            for name, tensor in model.state_dict().items()
        ],
    }
    with torch.no_grad():
        result["features"] = digest(model.forward_features(x), 8)
        logits = model(x)
        result["logits"] = digest(logits, logits.numel())
        single = model.float()(x.float()).double()
        result["float32_error"] = ((single - logits).abs().max() / logits.abs().max()).item()
    # A step of training, with the statistics of the batch.
    model.double()
    fill(model, variance)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, timm.layers.DropPath):
            module.drop_prob = 0.0
    model.train()
    loss = functional.cross_entropy(model(x), torch.tensor(TARGETS))
    loss.backward()
    result["train"] = {
        "targets": TARGETS,
        "loss": loss.item(),
        "gradients": {name: digest(parameter.grad, 2) for name, parameter in model.named_parameters()},
        "running": {
            name: digest(tensor, 2)
            for name, tensor in model.state_dict().items()
            if name.endswith(("running_mean", "running_var"))
        },
    }
    return result


def shortened(value):
    """The same with nine digits a number: more than any tolerance asks for."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [shortened(part) for part in value]
    if isinstance(value, dict):
        return {key: shortened(part) for key, part in value.items()}
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", metavar="timm/NAME | paper/NAME")
    parser.add_argument("--size", type=int, default=96, help="height and width of the pictures")
    parser.add_argument("--built-for", type=int, help="that of the pictures that the network is built for, if it is another")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parents[1] / "golden")
    args = parser.parse_args()
    for spec in args.networks:
        result = shortened(golden(spec, args.size, args.classes, args.built_for))
        path = args.out / f"{spec.replace('/', '__')}.json"
        path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
        print(f"{path.name}: {path.stat().st_size // 1024} KiB, float32 error {result['float32_error']:.0e}", flush=True)


if __name__ == "__main__":
    main()
