"""Writes the PyTorch fixtures in tests/fixtures: `python make_pth.py`.

One state dict, saved in every container that torch.save still writes and under several nestings.
The Rust tests know the values by the same formulas.
"""

import zipfile
from collections import OrderedDict
from pathlib import Path

import torch

FOLDER = Path(__file__).parent.parent / "fixtures"


def state_dict(prefix: str = "") -> OrderedDict:
    ramp = torch.arange(12, dtype=torch.float32)
    shared = ramp / 8
    tensors = {
        "float": shared.reshape(3, 4),
        "half": (ramp / 4).half(),
        "brain": (ramp * 2).bfloat16(),
        "double": ramp.double() / 3,
        "transposed": (ramp + 0.5).reshape(3, 4).t(),
        "tail": shared[8:],
        "expanded": torch.tensor([1.5]).expand(4),
        "scalar": torch.tensor(-7.25),
        "empty": torch.zeros(0, 5),
        "bn.num_batches_tracked": torch.tensor(41),
        "mask": torch.tensor([True, False, True]),
        "parameter": torch.nn.Parameter(ramp - 6),
    }
    return OrderedDict((prefix + name, tensor) for name, tensor in tensors.items())


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    nested = {
        "epoch": 3,
        "arch": "resnet20",
        "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}},
        "model_ema": {"float": torch.zeros(1)},
        "state_dict": state_dict("module."),
    }
    torch.save(nested, FOLDER / "nested_zip.pth")
    torch.save(nested, FOLDER / "nested_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(state_dict(), FOLDER / "flat_zip.pth")
    # A network whose own attribute is called `model` is not nested: its values are tensors.
    torch.save({"model.float": torch.ones(2), "model.bias": torch.zeros(2)}, FOLDER / "attribute.pth")
    torch.save({"epoch": 3, "arch": "resnet20"}, FOLDER / "no_tensors.pth")
    # Two paths to one name: which of the two is meant cannot be told.
    torch.save({"a.b": torch.ones(1), "a": {"b": torch.zeros(1)}}, FOLDER / "ambiguous.pth")
    # 4 GiB of elements over 4 bytes of storage.
    torch.save({"bomb": torch.ones(1).expand(1 << 30)}, FOLDER / "expand_bomb.pth")
    # Three million objects in three kilobytes.
    with zipfile.ZipFile(FOLDER / "deflated_bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", b"\x80\x02(" + b"N" * 3_000_000 + b"t.")


if __name__ == "__main__":
    main()
