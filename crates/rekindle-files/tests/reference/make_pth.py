"""Writes the PyTorch fixtures in tests/fixtures: `python make_pth.py`.

One state dict, saved in every container that torch.save still writes and under several nestings.
The Rust tests know the values by the same formulas.
"""

import io
import pickle
import struct
import tarfile
import zipfile
from argparse import Namespace
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy

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


class Global:
    """Pickled as the name of a Python object and nothing else."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name


class OldPickler(pickle._Pickler):
    """Pickles tensors of a TAR archive by their keys, as PyTorch 0.1.9 did."""

    def persistent_id(self, value):
        return value[1] if isinstance(value, tuple) and value[:1] == ("tensor",) else None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Global):
            self.write(f"c{value.module}\n{value.name}\n".encode())
        else:
            super().save(value, save_persistent_id)


def old(value) -> bytes:
    stream = io.BytesIO()
    OldPickler(stream, 2).dump(value)
    return stream.getvalue()


def old_tar(path: Path) -> None:
    """Two tensors over one storage, and one over a view of another: torch.load checks them."""
    floats, doubles = range(12), range(6)
    storages = old(2)
    storages += old((100, "cpu", Global("torch", "FloatStorage")))
    storages += struct.pack("<q12f", 12, *floats)
    storages += old((200, "cpu", Global("torch", "DoubleStorage")))
    storages += struct.pack("<q6d", 6, *doubles)
    storages += old([(300, 200, 2, 4)])
    tensors = old(3)
    for key, storage, kind, shape, stride, offset in [
        (1, 100, "FloatTensor", (3, 4), (4, 1), 0),
        (2, 100, "FloatTensor", (4, 2), (1, 4), 4),
        (3, 300, "DoubleTensor", (2,), (1,), 1),
    ]:
        tensors += old((key, storage, Global("torch", kind)))
        tensors += struct.pack(f"<ii{2 * len(shape) + 1}q", len(shape), 0, *shape, *stride, offset)
    rows = {
        "sys_info": old({"protocol_version": 1000, "little_endian": True}),
        "pickle": old({"whole": ("tensor", "1"), "turned": ("tensor", "2"), "viewed": ("tensor", "3")}),
        "storages": storages,
        "tensors": tensors,
    }
    with tarfile.open(path, "w:", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in rows.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    loaded = torch.load(path, weights_only=False)
    assert loaded["whole"].flatten().tolist() == list(floats)
    assert loaded["turned"].flatten().tolist() == [4, 8, 5, 9, 6, 10, 7, 11]
    assert loaded["viewed"].tolist() == [3, 4] and loaded["viewed"].dtype == torch.double


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    old_tar(FOLDER / "old_tar.pth")
    # What training scripts keep beside the weights, and element types without a storage of their own.
    beside = {
        "args": Namespace(lr=0.1, data=Path("data"), sizes=[1, 2]),
        "best": numpy.float64(0.5),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "history": defaultdict(list, {"loss": [1.0, 2.0]}),
        "seed": 2**70,
        "labels": {1, 2},
        "shape": torch.zeros(2, 3).shape,
        "state_dict": {"float": torch.arange(3.0), "short": torch.arange(3).to(torch.uint16)},
    }
    torch.save(beside, FOLDER / "beside.pth")
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
