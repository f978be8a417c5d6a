"""Trees alone, without a server: microseconds per row with one thread, for one row per call and for batches of 10,000.
Tidemill and XGBoost's C API run in bench_infer, compiled peers in a C loop, the others from Python. lleaves and
LightGBM predict a LightGBM model of the same size; for them Tidemill predicts that model, too."""
import json
import os
import subprocess
import tempfile
from pathlib import Path

from measure import ROOT, Row

PEERS_PYTHON = ROOT / ".cache/venvs/bench-kernels/bin/python"
PROGRAM = ROOT / "build/release/bench/bench_infer"
OF_LIGHTGBM = ("lleaves", "LightGBM, Python")
TARGETS = {("500 trees, depth 6", "XGBoost 1.7, C API", 0): "8 x the peer", ("500 trees, depth 6", "ONNX Runtime", 0): "15 x the peer",
           ("1,000 trees, depth 8", "XGBoost 1.7, C API", 0): "15 x the peer"}


def microseconds(model, rows, seconds):
    """Results of bench_infer: {"avx512": [one row, batch], ..., "xgboost": ..}."""
    environment = {**os.environ, "TIDEMILL_BENCH_MODEL": str(model), "TIDEMILL_BENCH_ROWS": str(rows), "OMP_NUM_THREADS": "1"}
    text = subprocess.run([PROGRAM, "--benchmark_format=json", f"--benchmark_min_time={seconds}"], check=True,
                          stdout=subprocess.PIPE, text=True, env=environment).stdout
    out = {}
    for each in json.loads(text)["benchmarks"]:
        out.setdefault(each["name"].split("/")[0], []).append(1e6 / each["items_per_second"])
    return out


def measure(quick):
    seconds = 0.5 if quick else 2
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run([PEERS_PYTHON, ROOT / "bench/kernel_peers.py", folder, str(seconds)],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        peers = json.loads(said.splitlines()[-1])  # compilers among the peers write to the same stream
        for name, found in peers.items():
            stem = found.pop("stem")
            ours = microseconds(Path(folder) / f"{stem}.json", Path(folder) / "rows.f32", seconds)
            leaves = microseconds(Path(folder) / f"{stem}.txt", Path(folder) / "rows.f32", seconds)
            found = {"XGBoost 1.7, C API": ours.pop("xgboost"), **found}
            best = next(iter(ours))
            for way, at in (("one row", 0), ("a row of 10,000", 1)):
                for peer, times in found.items():
                    mine = (leaves if peer in OF_LIGHTGBM else ours)[best][at]
                    rows.append(Row(f"{name}, {way}", "us", mine, times[at], peer, "lower",
                                    TARGETS.get((name, peer, at), "ahead")))
                for path in list(ours)[1:]:
                    rows.append(Row(f"{name}, {way}, path {path}", "us", ours[path][at], better="lower"))
    return rows
