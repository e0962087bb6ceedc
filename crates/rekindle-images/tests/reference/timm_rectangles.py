#!/usr/bin/env python3
"""Which rectangles timm crops and erases where area and ratio are fixed, so that only the place is drawn.

    python timm_rectangles.py ../golden

writes timm_rectangles.json: for each size of picture, area and ratio the height and width of timm's random crop, and those of
the rectangle that its random erasing fills with noise (`pixel`), [0, 0] where it finds none.
"""
import json, sys
from pathlib import Path

import timm, torch
from PIL import Image
from timm.data.random_erasing import RandomErasing
from timm.data.transforms import RandomResizedCropAndInterpolation

SIZES = [(224, 224), (32, 32), (23, 19), (100, 300), (310, 90), (7, 1)]  # height, width
AREAS = [0.02, 0.08, 0.25, 1 / 3, 0.5, 1.0]
RATIOS = [0.3, 3 / 4, 1.0, 4 / 3, 3.3]

rows = []
for height, width in SIZES:
    picture = Image.new("RGB", (width, height))
    for area in AREAS:
        for ratio in RATIOS:
            crop = RandomResizedCropAndInterpolation.get_params(picture, (area, area), (ratio, ratio))[2:]
            erasing = RandomErasing(1, area, area, ratio, ratio, mode="pixel", device="cpu")
            noise = erasing(torch.zeros(3, height, width))[0] != 0
            erased = [int(noise.any(axis).sum()) for axis in (1, 0)]
            rows.append([[height, width], area, ratio, list(crop), erased])

lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
Path(sys.argv[1], "timm_rectangles.json").write_text(f'{{"timm":"{timm.__version__}","rows":[\n{lines}\n]}}\n')
