#!/usr/bin/env python3
"""Reads the event files of a run with TensorBoard's own readers, and prints what TensorBoard would show.

    pip install tensorboard
    python tests/reference/tensorboard_read.py RUN

RUN is the folder that holds the event files (`events.out.tfevents.*`). Prints one JSON object: {"scalars":
{tag: [[step, value]]}, "histograms": {tag: [[step, min, max, num, sum]]}, "images": {tag: [[step, width,
height, bytes]]}, "texts": {tag: [[step, text]]}}, without what a restart of the run made void.

TensorBoard passes over what it cannot read. Here the exit code is 1, and the message names the file, if there
is no event file, if one holds no event, or if one is damaged: a wrong checksum, a torn record, no event inside.
A number that is infinite or not a number is printed as `Infinity` or `NaN`, as Python's json does.
"""
import argparse
import json
import pathlib
import sys

from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.compat.proto import event_pb2
from tensorboard.compat.tensorflow_stub import errors
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New as RecordReader


def check(path):
    """Ends the program unless every record of the file is whole and an event, the version first."""
    reader, count = RecordReader(str(path)), 0
    try:
        while True:
            reader.GetNext()
            event = event_pb2.Event.FromString(reader.record())
            if count == 0 and event.file_version != "brain.Event:2":
                sys.exit(f"{path}: does not start with the version of the format")
            count += 1
    except errors.OutOfRangeError:
        if count == 0:
            sys.exit(f"{path}: holds no event")
    except Exception as error:  # what protobuf raises depends on its version
        sys.exit(f"{path}: damaged after {count} events: {error}")


def read(folder):
    """All that the readers keep of a folder, none of it thinned out."""
    everything = event_accumulator.STORE_EVERYTHING_SIZE_GUIDANCE
    run = event_accumulator.EventAccumulator(str(folder), everything).Reload()
    # The reader behind the server: unlike the other, it knows which texts a restart made void.
    server = plugin_event_accumulator.EventAccumulator(str(folder), everything).Reload()
    tags = run.Tags()
    texts = server.PluginTagToContent("text") if "text" in server.ActivePlugins() else {}
    return {
        "scalars": {tag: [[e.step, e.value] for e in run.Scalars(tag)] for tag in tags["scalars"]},
        "histograms": {tag: [histogram(e) for e in run.Histograms(tag)] for tag in tags["histograms"]},
        "images": {tag: [image(e) for e in run.Images(tag)] for tag in tags["images"]},
        "texts": {
            tag: [[e.step, e.tensor_proto.string_val[0].decode()] for e in server.Tensors(tag)] for tag in texts
        },
    }


def histogram(event):
    """A row of a histogram, whose buckets must hold what it says it holds."""
    value = event.histogram_value
    if sum(value.bucket) != value.num or len(value.bucket) != len(value.bucket_limit):
        sys.exit(f"the buckets of a histogram of step {event.step} hold {sum(value.bucket)} of {value.num} values")
    return [event.step, value.min, value.max, value.num, value.sum]


def image(event):
    """A row of a picture."""
    return [event.step, event.width, event.height, len(event.encoded_image_string)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    folder = parser.parse_args().run
    files = sorted(folder.glob("*tfevents*"))
    if not files:
        sys.exit(f"{folder}: holds no event file")
    for path in files:
        check(path)
    print(json.dumps(read(folder)))


if __name__ == "__main__":
    main()
