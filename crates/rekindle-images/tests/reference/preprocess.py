#!/usr/bin/env python3
"""What timm's evaluation transform makes of pictures drawn by a formula: channel means and a 5 x 5 grid of values.

    python preprocess.py > preprocess.json
"""
import json

import numpy as np
import PIL, timm, torchvision
from PIL import Image
from timm.data import create_transform

SIZES = [(333, 217), (97, 413), (217, 640), (20, 30)]  # width, height
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# channels, height, width, crop_pct, interpolation, crop_mode
CONFIGS = [
    (3, 224, 224, 0.875, "bilinear", "center"),
    (3, 224, 224, 0.875, "bicubic", "center"),
    (3, 240, 240, 0.95, "bicubic", "center"),
    (3, 224, 224, 1.0, "lanczos", "center"),
    (3, 64, 64, 0.9, "nearest", "center"),
    (3, 160, 256, 0.9, "bicubic", "center"),
    (3, 224, 224, 0.95, "bicubic", "squash"),
    (3, 96, 128, 1.0, "bilinear", "squash"),
    (3, 224, 224, 1.0, "bicubic", "border"),
    (3, 150, 200, 0.9, "bilinear", "border"),
    (1, 64, 64, 0.875, "bilinear", "center"),
]


def draw(width, height):
    """Slopes, edges and a fine texture; `tests/preprocess.rs` draws the same."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    values = (x * 255 // width + y * (c + 1) + (x // 16 + y // 16) % 2 * 90 + x * y % 31 * 2) % 256
    return Image.fromarray(values.astype(np.uint8))


rows = []
for channels, height, width, crop_pct, interpolation, crop_mode in CONFIGS:
    mean, std = (MEAN, STD) if channels == 3 else ((0.1307,), (0.3081,))
    transform = create_transform((channels, height, width), is_training=False, crop_pct=crop_pct, interpolation=interpolation,
                                 crop_mode=crop_mode, mean=mean, std=std)
    for size in SIZES:
        picture = draw(*size)
        y = transform(picture if channels == 3 else picture.convert("L")).numpy()
        grid = y[:, [(2 * i + 1) * height // 10 for i in range(5)]][:, :, [(2 * i + 1) * width // 10 for i in range(5)]]
        rows.append({
            "picture": size, "input": [channels, height, width], "crop_pct": crop_pct, "interpolation": interpolation,
            "crop_mode": crop_mode, "mean": mean, "std": std,
            "means": [round(float(v), 5) for v in y.astype(np.float64).mean((1, 2))],
            "grid": [round(float(v), 3) for v in grid.flatten()],
        })
lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
print(f'{{"timm":"{timm.__version__}","torchvision":"{torchvision.__version__}","pillow":"{PIL.__version__}","rows":[\n{lines}\n]}}')
