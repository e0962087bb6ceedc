#!/usr/bin/env python3
"""What torchvision makes of small pictures drawn by a formula, with fixed parameters.

    python transforms.py ../golden

writes transforms.json, a line a case, and transforms.png, whose row i holds the bytes of case i, padded with zeros.
"""
import json, math, sys
from pathlib import Path

import numpy as np
import PIL, torch, torchvision
from PIL import Image
from torchvision.transforms import AugMix, InterpolationMode, RandAugment, TrivialAugmentWide
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import _apply_op

ROW = 24 * 20 * 3  # bytes
MODES = {"nearest": InterpolationMode.NEAREST, "bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}


def draw(width, height):
    """Two slopes, a texture and a gray corner; `tests/transforms.rs` draws the same."""
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    channels = [x * 255 // (width - 1), y * 255 // (height - 1), (x * y * 11 + x // 4 % 2 * 128) % 256]
    corner = (x < 4) & (y < 4)
    return np.stack([np.where(corner, 90, channel) for channel in channels], axis=-1)


PICTURES = {
    "rgb": Image.fromarray(draw(24, 20).astype(np.uint8)),
    "narrow": Image.fromarray((40 + draw(19, 23) * 5 // 8).astype(np.uint8)),
    "gray": Image.fromarray((20 + draw(24, 20)[..., 2] * 3 // 4).astype(np.uint8)),
}

cases, rows = [], []


def keep(name, picture, result, **arguments):
    pixels = np.asarray(result).astype(np.uint8).flatten()
    cases.append({"name": name, "picture": picture, **arguments})
    rows.append(np.pad(pixels, (0, ROW - len(pixels))))


def color(name, function, *values):
    for picture, image in PICTURES.items():
        for value in values:
            keep(name, picture, function(image, value), value=value)


def plain(name, function):
    for picture, image in PICTURES.items():
        keep(name, picture, function(image))


plain("hflip", F.hflip)
plain("vflip", F.vflip)
color("adjust_brightness", F.adjust_brightness, 0.0, 0.35, 1.7)
color("adjust_contrast", F.adjust_contrast, 0.0, 0.35, 1.7)
color("adjust_saturation", F.adjust_saturation, 0.0, 0.35, 1.7)
color("adjust_hue", F.adjust_hue, -0.5, -0.1, 0.3)
plain("to_grayscale", lambda image: F.to_grayscale(image, len(image.getbands())))
color("solarize", F.solarize, 0.0, 128.0, 178.5)
color("posterize", F.posterize, 1, 3, 8)
plain("equalize", F.equalize)
plain("autocontrast", F.autocontrast)
plain("invert", F.invert)
color("adjust_sharpness", F.adjust_sharpness, 0.0, 0.5, 2.5)
for picture, image in PICTURES.items():
    for kernel, sigma in [(3, 0.8), (9, 2.0)]:
        keep("gaussian_blur", picture, F.gaussian_blur(image, [kernel, kernel], [sigma, sigma]), kernel=kernel, sigma=sigma)

out = Path(sys.argv[1])
Image.fromarray(np.stack(rows)).save(out / "transforms.png", optimize=True)
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
versions = f'"torchvision":"{torchvision.__version__}","torch":"{torch.__version__}","pillow":"{PIL.__version__}"'
(out / "transforms.json").write_text(f'{{{versions},"cases":[\n{lines}\n]}}\n')
