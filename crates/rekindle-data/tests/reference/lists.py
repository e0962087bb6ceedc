"""Writes tests/golden/list.*.parquet as pandas and Polars do. Needs pandas, pyarrow and polars."""

from pathlib import Path

import pandas
import polars

GOLDEN = Path(__file__).parent.parent / "golden"
ROWS = {
    "file": [f"{number}.jpg" for number in range(8)],
    "class": ["bee", "ant"] * 4,
    "tags": [["bee", "leaf"], [], ["bee"], ["ant", "leaf"], ["leaf"], ["ant"], [], ["bee"]],
    "split": ["train"] * 5 + ["val", "test", None],
    "group": [1, 1, 2, 2, 3, 3, 4, 4],
    "weight": [0.5, 2.0, None, 1.0, 3.0, 1.0, 1.0, 1.0],
}

frame = pandas.DataFrame(ROWS)
frame["class"] = frame["class"].astype("category")
frame.to_parquet(GOLDEN / "list.pandas.parquet", compression="snappy")
polars.DataFrame(ROWS).write_parquet(GOLDEN / "list.polars.parquet", compression="zstd")
