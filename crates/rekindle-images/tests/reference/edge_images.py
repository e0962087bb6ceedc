#!/usr/bin/env python3
"""What Pillow makes of the odd files: sizes, mean colors and 4 x 4 block means after EXIF orientation.

    python edge_images.py /path/to/data/images/edge_images > edge_images.json

16-bit gray is taken by its high byte, as the crate does: Pillow's own conversion to RGB clips it at 255.
"""
import csv, json, os, sys, warnings

import numpy as np
import PIL
from PIL import Image, ImageOps


def pixels(path):
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith("I;16"):
        return (np.asarray(image).astype(np.int64) >> 8)[:, :, None].repeat(3, axis=2)
    return np.asarray(image.convert("RGB")).astype(np.int64)


def blocks(values, count=4):
    """Means of count x count blocks; block i of an axis of n spans floor(i n / count) to floor((i + 1) n / count), at least one."""
    spans = [[(i * n // count, max((i + 1) * n // count, i * n // count + 1)) for i in range(count)] for n in values.shape[:2]]
    return [round(float(v)) for top, bottom in spans[0] for left, right in spans[1] for v in values[top:bottom, left:right].mean((0, 1))]


warnings.simplefilter("ignore")
folder = sys.argv[1]
rows = []
with open(os.path.join(folder, "manifest.csv")) as manifest:
    for row in csv.DictReader(manifest):
        if row["pillow_result"] == "ok":
            values = pixels(os.path.join(folder, row["file"]))
            mean = [round(float(v), 2) for v in values.mean((0, 1))]
            rows.append({"file": row["file"], "size": [values.shape[1], values.shape[0]], "mean": mean, "blocks": blocks(values)})
lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
print(f'{{"pillow":"{PIL.__version__}","files":[\n{lines}\n]}}')
