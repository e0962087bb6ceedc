#!/usr/bin/env python3
"""Writes golden files of text encoders and of layers of sequences, from weights filled as golden.py fills them.

    pip install torch transformers timm
    python golden_sequences.py hf/bert hf/mpnet torch/lstm torch/conv1d net/bilstm --out tests/golden

`hf/FAMILY` is a small encoder of transformers on three texts of 19, 14 and 9 tokens (ModernBERT: 19, 17 and 15); padding is behind, and the vectors
of padding count as zero. `torch/LAYER` is an LSTM, a GRU, a plain recurrent layer, a convolution over time or an
attention of PyTorch on three rows of 11, 8 and 5 steps. `net/NAME` is a network that begins from nothing: a table of
tokens, PyTorch's layers over it, and a way in which tokens become a text. Everything is computed in float64 without dropout, and once in
float32 to know what that costs. A key behind the name changes the size: `torch/lstm:num_layers=2,bidirectional=1`.
"""
import argparse
import json
import pathlib

import torch
import transformers
from torch import nn
from torch.nn import functional

from golden import digest, filled, shortened, uniform

CLASSES, TOKENS, TEXTS, LENGTH = 4, 997, 3, 19
# How many tokens each text has less than the one before. transformers' ModernBERT is NaN where a whole window is padding.
SHORTER = {"modernbert": 2}
STEPS, FEATURES, UNITS, HEADS = [11, 8, 5], 6, 5, 2
WIDE = dict(vocab_size=TOKENS, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96)
FAMILIES = {
    "bert": dict(WIDE, max_position_embeddings=64),
    "electra": dict(WIDE, max_position_embeddings=64, embedding_size=24),
    "roberta": dict(WIDE, max_position_embeddings=66, type_vocab_size=1),
    "xlm-roberta": dict(WIDE, max_position_embeddings=66, type_vocab_size=1),
    "mpnet": dict(WIDE, max_position_embeddings=66),
    "distilbert": dict(vocab_size=TOKENS, dim=48, n_layers=3, n_heads=4, hidden_dim=96, max_position_embeddings=64),
    "modernbert": dict(WIDE, num_hidden_layers=4, intermediate_size=72, max_position_embeddings=256, local_attention=8,
                       global_attn_every_n_layers=3, pad_token_id=0),
    "deberta-v2": dict(WIDE, num_hidden_layers=2, max_position_embeddings=64, relative_attention=True, position_buckets=16,
                       norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"],
                       position_biased_input=False, type_vocab_size=0),
}


def refill(module):
    """Fills a module, in float64."""
    module.double()
    values = {name: filled(name, tensor.shape, 1.0).double() if tensor.is_floating_point() else tensor
              for name, tensor in module.state_dict().items()}
    module.load_state_dict(values)
    kinds = {True: "f32", False: "i64"}
    return [[name, list(tensor.shape), kinds[tensor.is_floating_point()]] for name, tensor in values.items()]


class Scratch(nn.Module):
    """A table of tokens, layers of PyTorch's over it, and what is left of a text in the end."""

    def __init__(self, kind, layers, kernel, pooling):
        super().__init__()
        width, units = 12, 10
        self.kind, self.pooling = kind, pooling
        self.embedding = nn.Embedding(TOKENS, width, padding_idx=0)
        if kind == "conv1d":
            sizes = [width] + [units] * layers
            self.encoder = nn.ModuleList(nn.Conv1d(a, b, kernel, padding="same") for a, b in zip(sizes, sizes[1:]))
        elif kind != "mean":
            made = nn.LSTM if kind.endswith("lstm") else nn.GRU
            self.encoder = made(width, units, layers, batch_first=True, bidirectional=kind.startswith("bi"))

    def forward(self, ids, mask):
        there = mask[..., None]
        x = self.embedding(ids) * there
        if self.kind == "conv1d":
            for convolution in self.encoder:
                x = convolution(x.transpose(1, 2)).transpose(1, 2).relu() * there
        elif self.kind != "mean":
            packed = nn.utils.rnn.pack_padded_sequence(x, mask.sum(1), batch_first=True)
            packed, states = self.encoder(packed)
            x, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=ids.shape[1])
            if self.pooling == "lasttoken":
                last = states[0] if isinstance(states, tuple) else states
                directions = 2 if self.kind.startswith("bi") else 1
                return x, torch.cat(list(last[-directions:]), 1)
        if self.pooling == "max":
            return x, x.masked_fill(there == 0, -torch.inf).amax(1)
        return x, x.sum(1) / mask.sum(1, keepdim=True)


def scratch(kind, changes):
    usual = {"mean": "mean", "conv1d": "max"}.get(kind, "lasttoken")
    layers, kernel = changes.get("layers", int(kind != "mean")), changes.get("kernel", 5 if kind == "conv1d" else 1)
    pooling = changes.get("pooling", usual)
    model = Scratch(kind, layers, kernel, pooling).train()
    config = {"model_type": f"rekindle-{kind}", "vocab_size": TOKENS, "embedding_size": 12, "hidden_size": 10,
              "num_hidden_layers": layers, "kernel_size": kernel, "pooling_mode": pooling, "pad_token_id": 0}
    return trained(f"net/{kind}", f"torch {torch.__version__}", config, model, model, 5, 0)


def encoder(family, changes):
    config = transformers.AutoConfig.for_model(family, **{**FAMILIES[family], **changes})
    for key in list(config.to_dict()):
        if "dropout" in key and isinstance(getattr(config, key, None), float):
            setattr(config, key, 0.0)
    model = transformers.AutoModel.from_config(config, attn_implementation="eager").train()

    def forward(ids, mask):
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state * mask[..., None]
        return hidden, hidden.sum(1) / mask.sum(1, keepdim=True)

    written = json.loads(config.to_json_string(use_diff=False))
    return trained(f"hf/{family}", f"transformers {transformers.__version__}", written, model, forward,
                   SHORTER.get(family, 5), config.pad_token_id or 0)


def trained(name, library, config, model, forward, shorter, pad):
    """A step of training a classifier on what `forward` makes of texts and their masks: vectors of tokens, and of texts."""
    tensors = refill(model)
    lengths = torch.tensor([LENGTH - shorter * text for text in range(TEXTS)])
    u = uniform("ids", [TEXTS, LENGTH]).double()
    ids = (2 + torch.floor((u + 1) / 2 * (TOKENS - 2)).long()).clamp(max=TOKENS - 1)
    mask = (torch.arange(LENGTH)[None] < lengths[:, None]).long()
    ids = ids.masked_fill(mask == 0, pad)
    hidden, embedding = forward(ids, mask)
    names = ("classifier.weight", [CLASSES, embedding.shape[1]]), ("classifier.bias", [CLASSES])
    head = {name: filled(name, shape, 1.0).double().requires_grad_() for name, shape in names}
    targets = [(1 + 2 * text) % CLASSES for text in range(TEXTS)]
    loss = functional.cross_entropy(functional.linear(embedding, *head.values()), torch.tensor(targets))
    loss.backward()
    gradients = {**{name: parameter.grad for name, parameter in model.named_parameters()},
                 **{name: parameter.grad for name, parameter in head.items()}}
    with torch.no_grad():
        model.float()
        single = forward(ids, mask)[1].double()
    return {
        "model": name, "library": library, "torch": torch.__version__, "config": config,
        "batch": TEXTS, "length": LENGTH, "shorter": shorter, "num_classes": CLASSES,
        "tensors": tensors, "hidden": digest(hidden, 32), "embedding": digest(embedding, embedding.numel()),
        "float32_error": ((single - embedding).abs().max() / embedding.abs().max()).item(),
        "train": {"targets": targets, "loss": loss.item(),
                  "gradients": {name: digest(grad, 3) for name, grad in gradients.items() if grad is not None}},
    }


def layer(kind, changes):
    features, units = changes.pop("features", FEATURES), changes.pop("units", UNITS)
    longest = torch.arange(STEPS[0])[None] < torch.tensor(STEPS)[:, None]
    x = uniform("input", [len(STEPS), STEPS[0], features]).double() * longest[..., None]
    x.requires_grad_()
    if kind in ("lstm", "gru", "rnn"):
        config = dict(num_layers=changes.pop("num_layers", 1), bidirectional=bool(changes.pop("bidirectional", 0)))
        module = getattr(nn, kind.upper())(features, units, batch_first=True, **config)
        config.update(input_size=features, hidden_size=units)
    elif kind == "conv1d":
        config = dict(kernel_size=5, stride=1, dilation=1, groups=1, padding="same")
        config.update({key: changes.pop(key) for key in list(changes) if key in config})
        module = nn.Conv1d(features, units, **config)
        config.update(in_channels=features, out_channels=units)
    elif kind == "attention":
        config = dict(embed_dim=features, num_heads=changes.pop("heads", HEADS))
        module = nn.MultiheadAttention(**config, batch_first=True)
    else:
        raise SystemExit(f"torch/{kind}: none of lstm, gru, rnn, conv1d, attention")
    if changes:
        raise SystemExit(f"torch/{kind}: unknown {', '.join(changes)}")
    tensors = refill(module)

    def run(x):
        if kind == "conv1d":
            return [module(x.transpose(1, 2)).transpose(1, 2)]
        if kind == "attention":
            return [module(x, x, x, key_padding_mask=~longest, need_weights=False)[0] * longest[..., None]]
        packed = nn.utils.rnn.pack_padded_sequence(x, STEPS, batch_first=True)
        packed, states = module(packed)
        output, _ = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=STEPS[0])
        return [output, *(states if kind == "lstm" else [states])]

    found = run(x)
    loss = (found[0] * uniform("loss", list(found[0].shape)).double()).mean()
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in module.named_parameters()}
    result = {"model": f"torch/{kind}", "torch": torch.__version__, "input_shape": list(x.shape), "lengths": STEPS,
              "config": config, "tensors": tensors}
    result.update({name: digest(value, 64) for name, value in zip(("output", "hidden", "cell"), found)})
    result["loss"] = loss.item()
    result["gradients"] = {name: digest(grad, 6) for name, grad in {**gradients, "input": x.grad}.items()}
    with torch.no_grad():
        module.float()
        single = run(x.detach().float())[0].double()
    result["float32_error"] = ((single - found[0]).abs().max() / found[0].abs().max()).item()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    arguments = parser.parse_args()
    for spec in arguments.models:
        name, _, changes = spec.partition(":")
        library, kind = name.split("/", 1)
        changes = dict((key, json.loads(value)) for key, value in (part.split("=") for part in changes.split(",") if part))
        torch.manual_seed(0)
        made = {"hf": encoder, "torch": layer, "net": scratch}[library](kind, changes)
        file = arguments.out / (spec.translate(str.maketrans({"/": "__", ":": "__", ",": "_", "=": None})) + ".json")
        file.write_text(json.dumps(shortened(made), separators=(",", ":")) + "\n")
        print(f"{file}: loss {made.get('loss', made.get('train', {}).get('loss')):.6g}")


if __name__ == "__main__":
    main()
