#!/usr/bin/env python3
"""Lists the tensors of every architecture as timm names and shapes them, for `tests/names`.

    pip install torch timm
    python timm_names.py list                         # writes tests/names: after a variant is added
    python timm_names.py compare VARIANT LISTING      # what a listing of ours has otherwise
    python timm_names.py save FOLDER VARIANT...       # random weights: VARIANT.safetensors and VARIANT.pth

A listing has a line a tensor, `name [extents]`, sorted by name; the classifier has 1000 classes. The
smallest variant of each family is kept whole, and of all there are number of tensors and SHA-256.
"""
import argparse
import hashlib
import pathlib
import re
import sys

import timm
import torch
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ROOT / "tests/names"
CLASSES = 1000
# Parameters of the largest network that is kept whole, as in tests/src/support.rs.
LARGE = 15_000_000


def families():
    """The rows in the tables of rekindle-vision, a list a file; what is for 32x32 pictures is not in timm."""
    for file in sorted((ROOT / "crates/rekindle-vision/src").glob("*.rs")):
        rows = re.findall(r'\bVariant\(\s*"(\w+)",\s*([\d_]+)', file.read_text())
        rows = [(int(count.replace("_", "")), name) for name, count in rows if not name.endswith("_cifar")]
        if rows:
            yield rows


def listing(name):
    with torch.device("meta"):
        state = timm.create_model(name, num_classes=CLASSES).state_dict()
    return "".join(f"{key} {list(state[key].shape)}\n" for key in sorted(state))


def write():
    NAMES.mkdir(exist_ok=True)
    rows = [f"# timm {timm.__version__}: variant, tensors, SHA-256 of the listing\n"]
    smallest = [name for count, name in map(min, families()) if count < LARGE]
    for name in sorted(name for family in families() for _, name in family):
        text = listing(name)
        rows.append(f"{name} {text.count(chr(10))} {hashlib.sha256(text.encode()).hexdigest()}\n")
        if name in smallest:
            (NAMES / f"{name}.txt").write_text(text)
    (NAMES / "all.txt").write_text("".join(rows))
    print(f"{len(rows) - 1} variants")


def compare(name, path):
    ours, theirs = set(path.read_text().splitlines()), set(listing(name).splitlines())
    for line in sorted(ours - theirs):
        print(f"only ours:   {line}")
    for line in sorted(theirs - ours):
        print(f"only timm's: {line}")
    sys.exit(ours != theirs)


def save(folder, names):
    torch.manual_seed(0)
    for name in names:
        state = timm.create_model(name, num_classes=CLASSES).state_dict()
        save_file(state, folder / f"{name}.safetensors")
        torch.save({"state_dict": state, "arch": name}, folder / f"{name}.pth")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    command = commands.add_parser("compare")
    command.add_argument("variant")
    command.add_argument("listing", type=pathlib.Path)
    command = commands.add_parser("save")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("variants", nargs="+")
    args = parser.parse_args()
    if args.command == "list":
        write()
    elif args.command == "compare":
        compare(args.variant, args.listing)
    else:
        save(args.folder, args.variants)


if __name__ == "__main__":
    main()
