#!/usr/bin/env python3
"""Loads a model that Rekindle saved into timm, strictly, and predicts pictures with timm's own transform.

    pip install torch timm
    python timm_strict.py RUN/best.safetensors PICTURES > timm.jsonl
    python timm_strict.py RUN/best.safetensors PICTURES --compare rekindle.jsonl

PICTURES is a folder, searched with its subfolders. One JSON line a picture: {"image", "top1", "index",
"probability"}, top1 the label. With --compare, the lines of `rekindle predict --json` on the same pictures
are compared, and the exit code is 1 where a top-1 label differs. Everything but the picture comes from the
file: architecture, labels and preprocessing from its metadata (`config`, laid out as timm's config.json).
"""
import argparse
import json
import pathlib
import sys

import timm
import torch
from PIL import Image, ImageOps
from safetensors import safe_open
from safetensors.torch import load_file

EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def load(path):
    """The model in evaluation, its config, and timm's transform for it."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    if "config" not in metadata:
        sys.exit(f"{path}: has no `config` in its metadata; was it saved by Rekindle?")
    config = json.loads(metadata["config"])
    architecture, pretrained_cfg = config["architecture"], config["pretrained_cfg"]
    if not timm.is_model(architecture):
        # The ResNets of He et al. section 4.2 (resnet20_cifar and its siblings) are not in timm.
        sys.exit(f"{path}: timm {timm.__version__} has no architecture `{architecture}`, so there is nothing to compare with")
    channels = pretrained_cfg["input_size"][0]
    model = timm.create_model(architecture, num_classes=config["num_classes"], in_chans=channels)
    model.load_state_dict(load_file(path), strict=True)
    data = timm.data.resolve_data_config({}, pretrained_cfg=pretrained_cfg)
    return model.eval(), config, timm.data.create_transform(**data, is_training=False)


def label(config, index):
    """What a class is called: its description where there is one, as in `rekindle predict`."""
    names = config.get("label_names") or []
    if index >= len(names):
        return str(index)
    return config.get("label_descriptions", {}).get(names[index], names[index])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("pictures", type=pathlib.Path)
    parser.add_argument("--compare", type=pathlib.Path, help="lines of `rekindle predict --json`")
    args = parser.parse_args()
    model, config, transform = load(args.weights)
    mode = "L" if config["pretrained_cfg"]["input_size"][0] == 1 else "RGB"
    pictures = sorted(path for path in args.pictures.rglob("*") if path.suffix.lower() in EXTENSIONS)
    if not pictures:
        sys.exit(f"{args.pictures}: holds no pictures")

    found = {}
    for path in pictures:
        picture = ImageOps.exif_transpose(Image.open(path)).convert(mode)
        with torch.inference_mode():
            probabilities = model(transform(picture).unsqueeze(0)).softmax(1)[0]
        index = int(probabilities.argmax())
        found[path.resolve()] = index
        line = {"image": str(path), "top1": label(config, index), "index": index, "probability": round(float(probabilities[index]), 6)}
        print(json.dumps(line), flush=True)

    if args.compare:
        lines = [json.loads(line) for line in args.compare.read_text().splitlines() if line.strip()]
        ours = {pathlib.Path(line["image"]).resolve(): line["top"][0]["index"] for line in lines if "top" in line}
        missing = [path for path in found if path not in ours]
        differ = [path for path in found if path in ours and ours[path] != found[path]]
        for path in missing + differ:
            print(f"{path}: timm says {found[path]}, Rekindle {ours.get(path, 'nothing')}", file=sys.stderr)
        same = len(found) - len(missing) - len(differ)
        print(f"{same} of {len(found)} have the same top-1 label", file=sys.stderr)
        sys.exit(1 if missing or differ else 0)


if __name__ == "__main__":
    main()
