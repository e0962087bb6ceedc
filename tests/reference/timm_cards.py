#!/usr/bin/env python3
"""Prints the `[[architecture]]` tables of a family's cards from what timm knows of its checkpoints.

    pip install torch timm
    python timm_cards.py convnext --results timm_checkpoints.json >> models/convnext.toml

The family's file in `crates/rekindle-vision/src` says which architectures; `models/FAMILY.toml` must have its head
(`[family]`, `[papers]`, `[defaults]`) already, and what a line has in common with it is left out. timm's package has no
accuracies: `--results` is a JSON file of `checkpoints`, by name, with `imagenet` [{size, top1, top5}], as read from
timm's table of results. A line that nobody may use freely is listed behind those that everybody may.
"""
import argparse
import json
import pathlib
import re
import tomllib

import timm
import torch

ROOT = pathlib.Path(__file__).parents[2]
FREE = {"apache-2.0", "mit", "bsd-3-clause", "bsd-2-clause"}
KEYS = ["classes", "classifier", "input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std"]


def value(x):
    if isinstance(x, (list, tuple)):
        return "[" + ", ".join(value(item) for item in x) + "]"
    if isinstance(x, str):
        return json.dumps(x)
    return repr(x)


def parameters(name, classes):
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=classes)
    return sum(parameter.numel() for parameter in model.parameters())


def facts(cfg):
    """A checkpoint's keys, as cards call them."""
    classifier = cfg.classifier if isinstance(cfg.classifier, str) else (cfg.classifier or ["head"])[0]
    return {
        "classes": cfg.num_classes, "classifier": classifier, "input_size": list(cfg.input_size),
        "interpolation": cfg.interpolation, "crop_pct": cfg.crop_pct, "crop_mode": cfg.crop_mode,
        "mean": [round(x, 6) for x in cfg.mean], "std": [round(x, 6) for x in cfg.std],
    }


def accuracy(found, size):
    rows = [row for row in found if row["size"] == size]
    return rows[0] if rows else None


def line(name, tag, cfg, results, common):
    keys = facts(cfg)
    found = results.get(f"{name}.{tag}", {}).get("imagenet", [])
    out = {"tag": tag, "license": cfg.license or ""}
    usual = accuracy(found, keys["input_size"][1])
    if usual:
        out |= {"top1": usual["top1"], "top5": usual["top5"]}
    out |= {key: keys[key] for key in KEYS if keys[key] != common.get(key)}
    text = ", ".join(f"{key} = {value(x)}" for key, x in out.items())
    larger = cfg.test_input_size and accuracy(found, cfg.test_input_size[1])
    if larger and usual and larger["top1"] > usual["top1"]:
        size, crop = cfg.test_input_size[1], cfg.test_crop_pct or cfg.crop_pct
        text += f', test = {{ size = {size}, crop_pct = {crop}, top1 = {larger["top1"]}, top5 = {larger["top5"]} }}'
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family")
    parser.add_argument("--results", type=pathlib.Path, required=True)
    args = parser.parse_args()
    results = json.loads(args.results.read_text())["checkpoints"]
    source = (ROOT / f"crates/rekindle-vision/src/{args.family}.rs").read_text()
    head = tomllib.loads((ROOT / f"models/{args.family}.toml").read_text().split("[[architecture]]")[0])
    for name in re.findall(r'\bVariant\(\s*"(\w+)"', source):
        cfgs = timm.models.get_arch_pretrained_cfgs(name)
        cards = []
        for full, cfg in cfgs.items():
            tag = full.split(".", 1)[1] if "." in full else ""
            if not tag or not (cfg.hf_hub_id or cfg.url):
                continue
            # timm's own default first, of those that may be used and have ImageNet's classes.
            cards.append(((cfg.license not in FREE, cfg.num_classes != 1000), tag, cfg))
        cards.sort(key=lambda card: card[0])
        if not cards:
            continue
        classes = cards[0][2].num_classes
        print(f'\n[[architecture]]\nname = "{name}"\nparameters = {parameters(name, classes):_}\ncards = [')
        for _, tag, cfg in cards:
            text = line(name, tag, cfg, results, head["defaults"])
            if cfg.num_classes != classes:
                text += f", parameters = {parameters(name, cfg.num_classes):_}"
            print(f"    {{ {text} }},")
        print("]")


if __name__ == "__main__":
    main()
