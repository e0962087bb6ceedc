#!/usr/bin/env python3
"""The data sets of docs/data.md, made of any photographs, and how fast we and Pillow with torchvision turn them into inputs.

    pip install torch torchvision timm
    python tests/reference/throughput_sets.py make PHOTOGRAPHS OUT
    cargo build --release --package rekindle-images --example throughput
    python tests/reference/throughput_sets.py measure OUT/* [FOLDER...]

`make` draws from a folder of photographs, searched with its subfolders: 60 scaled to a long side of 224 pixels (`224`), 60 to
500 (`500`), and 20 of 2000 x 1500 pixels tiled from such of 375 pixels' height (`2000`), all stored as JPEG of quality 90
with halved colors. The same photographs make the same pictures.

`measure` gives a JSON object for each folder and mode: pictures a second on one core, and the ratio of ours to the peer's.

| mode | the peer's work |
|---|---|
| decode | `Image.open(file).convert("RGB")` |
| evaluate | timm's evaluation transform: resize (bicubic, `crop_pct` 0.95), crop to 224 pixels, normalize |
| train | timm's training transform with a random crop and a mirror alone |

Both take turns, so that what else the machine does meets both; the ratio is the median over rounds of each round's. Compare
ratios between machines, not rates.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

from PIL import Image

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
MOST = 400  # as `cargo xtask bench data` takes at most
QUALITY, HALVED = 90, 2  # Pillow's number for halved colors, 4:2:0
WIDTH, HEIGHT, ROW = 2000, 1500, 375


def pictures(folder):
    """The pictures under a folder, in order."""
    found = (path for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() in EXTENSIONS)
    return sorted(path for path in found if not path.name.startswith("."))


def scaled(picture, factor):
    size = [max(1, round(side * factor)) for side in picture.size]
    return picture.resize(size, Image.Resampling.LANCZOS)


def tiled(photographs):
    """Rows of photographs, the last of each cut off at the edge."""
    sheet = Image.new("RGB", (WIDTH, HEIGHT))
    for top in range(0, HEIGHT, ROW):
        left = 0
        while left < WIDTH:
            picture = Image.open(next(photographs)).convert("RGB")
            picture = scaled(picture, ROW / picture.height)
            sheet.paste(picture, (left, top))
            left += picture.width
    return sheet


def make(photographs, out):
    files = pictures(photographs)
    if not files:
        raise SystemExit(f"{photographs}: holds no photographs; name a folder of JPEG files")

    def some(count):
        """Evenly drawn, again from the first where there are fewer."""
        return [files[place * max(len(files), count) // count % len(files)] for place in range(count)]

    def save(picture, name, number):
        folder = pathlib.Path(out) / name
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{number:02}.jpg", quality=QUALITY, subsampling=HALVED)

    for side in (224, 500):
        for number, file in enumerate(some(60)):
            picture = Image.open(file).convert("RGB")
            save(scaled(picture, side / max(picture.size)), str(side), number)
    endless = (file for _ in iter(int, 1) for file in files)
    for number in range(20):
        save(tiled(endless), "2000", number)


def transforms():
    """What each mode makes of a file."""
    import timm
    import torch

    torch.set_num_threads(1)
    common = dict(input_size=(3, 224, 224), interpolation="bicubic")
    evaluate = timm.data.create_transform(**common, is_training=False, crop_pct=0.95)
    train = timm.data.create_transform(**common, is_training=True, color_jitter=0, auto_augment=None, re_prob=0)
    decode = lambda file: Image.open(file).convert("RGB")
    return {
        "decode": decode,
        "evaluate": lambda file: evaluate(decode(file)),
        "train": lambda file: train(decode(file)),
    }


def rate(files, work):
    start = time.perf_counter()
    for file in files:
        work(file)
    return len(files) / (time.perf_counter() - start)


def ours(program, folder, runs):
    """Our rates by mode, in a process of its own."""
    command = [program, folder, "--workers", 0, "--runs", runs, "--json"]
    output = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    rows = map(json.loads, output.stdout.splitlines())
    return {row["mode"]: row["images_per_second_per_core"] for row in rows}


def measure(folders, rounds, runs, program):
    # One core for this process and those that it starts.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    modes = transforms()
    for folder in folders:
        files = pictures(folder)[:MOST]
        if not files:
            raise SystemExit(f"{folder}: holds no pictures")
        found = {mode: [] for mode in modes}
        for work in modes.values():
            rate(files, work)
        for _ in range(rounds):
            mine = ours(program, folder, runs)
            for mode, work in modes.items():
                peer = statistics.median(rate(files, work) for _ in range(runs))
                found[mode].append((mine[mode], peer))
        for mode, pairs in found.items():
            row = {"what": "data", "set": pathlib.Path(folder).name, "mode": mode, "images": len(files)}
            row["ours"] = round(statistics.median(mine for mine, _ in pairs), 1)
            row["peer"] = round(statistics.median(peer for _, peer in pairs), 1)
            row["ratio"] = round(statistics.median(mine / peer for mine, peer in pairs), 2)
            print(json.dumps(row), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("make", help="make the sets")
    command.add_argument("photographs")
    command.add_argument("out")
    command = commands.add_parser("measure", help="measure us and the peer in turns")
    command.add_argument("folders", nargs="+", metavar="FOLDER")
    command.add_argument("--rounds", type=int, default=5)
    command.add_argument("--runs", type=int, default=3, help="of each in a round; the median counts")
    default = REPOSITORY / "target" / "release" / "examples" / "throughput"
    command.add_argument("--program", type=pathlib.Path, default=default, help="the built example")
    arguments = parser.parse_args()
    if arguments.command == "make":
        make(arguments.photographs, arguments.out)
    else:
        measure(arguments.folders, arguments.rounds, arguments.runs, arguments.program)


if __name__ == "__main__":
    main()
