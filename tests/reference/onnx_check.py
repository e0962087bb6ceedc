"""Runs graphs by ONNX Runtime on the inputs beside them, and says how far off each is from what it must give.

    python tests/reference/onnx_check.py FOLDER_OR_FILE...

A line a graph: its name, and the greatest difference relative to the greatest number of an output and at least to one.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load_file

TYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(int64)": np.int64}


def difference(path: Path) -> float:
    recorded = load_file(path.with_suffix(".check.safetensors"))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    worst = 0.0
    for batch in sorted({name.split(".")[0] for name in recorded}):
        given = {
            tensor.name: recorded[f"{batch}.input.{tensor.name}"].astype(TYPES[tensor.type])
            for tensor in session.get_inputs()
        }
        for name, found in zip(names, session.run(names, given)):
            wanted = recorded[f"{batch}.output.{name}"]
            assert found.shape == wanted.shape, f"{path.name}: {name} is {found.shape}, not {wanted.shape}"
            scale = max(1.0, float(np.abs(wanted).max()))
            worst = max(worst, float(np.abs(found - wanted).max()) / scale)
    return worst


def main() -> None:
    for argument in map(Path, sys.argv[1:]):
        for path in sorted(argument.glob("*.onnx")) if argument.is_dir() else [argument]:
            print(f"{path.stem} {difference(path):.3e}", flush=True)


main()
