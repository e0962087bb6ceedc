#!/usr/bin/env python3
"""How long our networks take beside ONNX Runtime (forward) or PyTorch in channels-last memory (a training step).

    pip install torch torchvision timm onnx onnxruntime
    cargo build --release --workspace
    python tests/reference/peers.py infer resnet50:8 efficientnet_b0:8 vgg16:4 mobilenetv2_100:8 resnet50:1
    python tests/reference/peers.py train resnet50:8 resnet18:16 efficientnet_b0:8 mobilenetv2_100:8 vgg16:4

Both take turns, so that what else the machine does meets both. Prints a JSON object a line: the medians over all
rounds in milliseconds an image, the quickest round of each, the ratio of the medians, and the most memory of each, which
for the peer is that of a process of its own that takes two steps.
"""
import argparse
import io
import json
import pathlib
import statistics
import subprocess
import sys
import time

import timm
import torch

LAB = pathlib.Path(__file__).resolve().parents[2] / "target" / "release" / "rekindle-lab"


def ours(what, model, batch, threads, runs):
    """A row of `rekindle-lab bench`, in a process of its own."""
    command = [LAB, "bench", what, model, "--batch", batch, "--threads", threads, "--runs", runs, "--json"]
    output = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return json.loads(output.stdout)


def peers_memory(what, model, batch, threads):
    """The most memory of the peer in MiB: this script again, in a process of its own."""
    command = [sys.executable, __file__, what, f"{model}:{batch}", "--threads", str(threads), "--memory"]
    output = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(output.stdout.splitlines()[-1])


def forward(model, x, threads):
    """A prediction with ONNX Runtime."""
    import onnxruntime

    file = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(model.eval(), (x,), file, dynamo=False, opset_version=17)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x.numpy()}
    return lambda: session.run(None, feed)


def step(model, x):
    """A training step of PyTorch: forward, backward, SGD with momentum, the loss read."""
    model = model.train().to(memory_format=torch.channels_last)
    x = x.to(memory_format=torch.channels_last)
    targets = torch.zeros(len(x), dtype=torch.long)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def run():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), targets)
        loss.backward()
        optimizer.step()
        loss.item()

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["infer", "train"])
    parser.add_argument("models", nargs="+", metavar="MODEL:BATCH")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5, help="of each in a round")
    parser.add_argument("--memory", action="store_true", help="only the peer's: the most that this process took, in MiB")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for name in args.models:
        name, batch = name.split(":")
        batch = int(batch)
        model = timm.create_model(name)
        size = model.default_cfg["input_size"][1]
        x = torch.randn(batch, 3, size, size)
        peer = forward(model, x, args.threads) if args.what == "infer" else step(model, x)
        peer()
        if args.memory:
            peer()
            # Not `ru_maxrss`, which a process takes over from the one that started it.
            status = pathlib.Path("/proc/self/status").read_text()
            print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
            continue
        found = {"ours": [], "peer": []}
        memory = {"ours": 0, "peer": peers_memory(args.what, name, batch, args.threads)}
        for _ in range(args.rounds):
            seconds = []
            for _ in range(args.runs):
                start = time.perf_counter()
                peer()
                seconds.append(time.perf_counter() - start)
            found["peer"].append(statistics.median(seconds) * 1e3 / batch)
            row = ours(args.what, name, batch, args.threads, args.runs)
            found["ours"].append(row["ms_per_image"])
            memory["ours"] = max(memory["ours"], round(row["peak_rss_mib"]))
        medians = {who: statistics.median(times) for who, times in found.items()}
        row = {"what": args.what, "model": name, "batch": batch}
        row["peer"] = "onnxruntime" if args.what == "infer" else "torch_channels_last"
        for who, times in found.items():
            row[f"{who}_ms"] = round(medians[who], 2)
            row[f"{who}_quickest_ms"] = round(min(times), 2)
            row[f"{who}_peak_rss_mib"] = memory[who]
        row["ratio"] = round(medians["ours"] / medians["peer"], 3)
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
