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

FILL = [200, 30, 90]
for picture, image in PICTURES.items():
    fill = FILL[:len(image.getbands())]
    for sampling, mode in MODES.items():
        for degrees in [30, 90, 180, -17.5]:
            keep("rotate", picture, F.rotate(image, degrees, mode, fill=fill), degrees=degrees, sampling=sampling, fill=FILL)
        for degrees, translate, scale, shear, center in [
            (0, [0, 0], 1.0, [20.0, 0.0], None), (0, [0, 0], 1.0, [0.0, -15.0], [0, 0]), (0, [5, -3], 1.0, [0.0, 0.0], None),
            (0, [0, 0], 1.6, [0.0, 0.0], None), (0, [0, 0], 0.55, [0.0, 0.0], None), (25, [2, 1], 0.8, [10.0, 5.0], None),
        ]:
            result = F.affine(image, degrees, translate, scale, shear, mode, fill, center)
            keep("affine", picture, result, degrees=degrees, translate=translate, scale=scale, shear=shear, center=center,
                 sampling=sampling, fill=FILL)
        right, bottom = image.width - 1, image.height - 1
        corners = [[0, 0], [right, 0], [right, bottom], [0, bottom]]
        for to in [[[3, 2], [right - 1, 4], [right - 5, bottom], [1, bottom - 6]],
                   [[0, 5], [right, 0], [right - 2, bottom - 1], [7, bottom]]]:
            result = F.perspective(image, corners, to, mode, fill)
            keep("perspective", picture, result, corners=[corners, to], sampling=sampling, fill=FILL)

# The draws of each policy: what magnitudes a step may have, and what each does.
SPACES = {
    "RandAugment": RandAugment()._augmentation_space(31, (20, 24)),
    "TrivialAugmentWide": TrivialAugmentWide()._augmentation_space(31),
    "AugMix": AugMix()._augmentation_space(10, (20, 24)),
}
spaces = {
    policy: [[name, magnitudes.reshape(-1).tolist(), signed] for name, (magnitudes, signed) in space.items()]
    for policy, space in SPACES.items()
}
for policy, space in SPACES.items():
    for name, (magnitudes, signed) in space.items():
        if policy == "AugMix" or (policy == "TrivialAugmentWide" and magnitudes.ndim == 0):
            continue
        magnitudes = magnitudes.reshape(-1)
        for magnitude in sorted({float(magnitudes[i * len(magnitudes) // 3]) for i in [1, 2] if i < len(magnitudes)} or {0.0}):
            for sign in [1, -1] if signed else [1]:
                result = _apply_op(PICTURES["rgb"], name, sign * magnitude, MODES["bilinear"], FILL)
                keep("operation", "rgb", result, operation=name, magnitude=sign * magnitude, sampling="bilinear", fill=FILL)

out = Path(sys.argv[1])
Image.fromarray(np.stack(rows)).save(out / "transforms.png", optimize=True)
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
versions = f'"torchvision":"{torchvision.__version__}","torch":"{torch.__version__}","pillow":"{PIL.__version__}"'
(out / "transforms.json").write_text(f'{{{versions},"spaces":{json.dumps(spaces)},\n"cases":[\n{lines}\n]}}\n')
