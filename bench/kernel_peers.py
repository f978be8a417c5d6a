"""Trains the models of kernels.py and times its peers, in an interpreter of their own:
kernel_peers.py DIRECTORY SECONDS. Leaves <model>.json, <model>.txt (LightGBM's) and rows.f32 in the
directory, prints {"<model>": {"<peer>": [one row, batch]}} in microseconds a row. One thread everywhere.
"""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")
import lightgbm
import numpy as np
import onnxruntime
import tl2cgen
import treelite
import xgboost
from onnx import TensorProto, helper
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.datasets import make_classification

MODELS = {"500 trees, depth 6": (500, 6), "1,000 trees, depth 8": (1000, 8)}
COMPILE_SECONDS_MAX = 600  # lleaves did not finish 1,000 trees of depth 8 within 15 minutes either
COLUMNS, TRAIN_ROWS, ROWS = 28, 50_000, 10_000
DRIVER = Path(__file__).parent / "peers/compiled_trees.c"


def timed(call, seconds):
    """Microseconds of CPU time per call, counted as by Google Benchmark; call(i) gets an increasing number."""
    for i in range(3):
        call(i)
    start, calls = time.process_time(), 0
    while (now := time.process_time()) - start < seconds:
        for i in range(calls, calls + 8):
            call(i)
        calls += 8
    return (now - start) / calls * 1e6


def both(predict, rows, seconds):
    singles = [rows[i:i + 1].copy() for i in range(1000)]
    one = timed(lambda i: predict(singles[i % 1000]), seconds)
    return one, timed(lambda _: predict(rows), seconds) / len(rows)


def close(name, found, expected, within=1e-4):
    worst = np.abs(np.ravel(found) - expected[:np.size(found)]).max()
    if not worst < within:
        raise RuntimeError(f"{name} predicts otherwise, by {worst}")


def onnx_session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def empty_graph():
    shape = [None, COLUMNS]
    graph = helper.make_graph([helper.make_node("Identity", ["rows"], ["same"])], "empty",
                              [helper.make_tensor_value_info("rows", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("same", TensorProto.FLOAT, shape)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def onnx_runtime(booster, rows, expected, seconds):
    """Subtracts the time of an empty graph, since Python's call into the runtime does not belong to the runtime."""
    model = convert_xgboost(booster, initial_types=[("rows", FloatTensorType([None, COLUMNS]))], target_opset=15)
    session = onnx_session(model)
    close("ONNX Runtime", session.run(["probabilities"], {"rows": rows})[0][:, 1], expected)
    times = both(lambda some: session.run(["probabilities"], {"rows": some}), rows, seconds)
    empty = onnx_session(empty_graph())
    none = both(lambda some: empty.run(["same"], {"rows": some}), rows, seconds / 2)
    return [max(a - b, 0.01) for a, b in zip(times, none)]


def compiled(library, kind, rows_file, folder, expected, seconds):
    driver = folder / "compiled_trees"
    subprocess.run(["cc", "-O2", "-o", driver, DRIVER, "-ldl"], check=True)
    out = subprocess.run([driver, library, kind, rows_file, str(COLUMNS), str(seconds)],
                         check=True, capture_output=True, text=True).stdout.split()
    # TL2cgen deviates by some thousandths on a few rows.
    close(kind, float(out[2]), expected, 1e-2 if kind == "tl2cgen" else 1e-4)
    return [float(out[0]), float(out[1])]


def with_tl2cgen(path, folder, rows_file, expected, seconds):
    sources = folder / (path.stem + "-tl2cgen")
    tl2cgen.generate_c_code(treelite.frontend.load_xgboost_model(str(path)), str(sources), {"parallel_comp": 32})
    files = sorted(sources.glob("*.c"))
    for i in range(0, len(files), 2):
        jobs = [subprocess.Popen(["cc", "-O1", "-fPIC", "-c", file, "-o", file.with_suffix(".o")]) for file in files[i:i + 2]]
        if any(job.wait() for job in jobs):
            raise RuntimeError("the compiler failed on TL2cgen's code")
    library = sources / "model.so"
    subprocess.run(["cc", "-shared", "-o", library, *[file.with_suffix(".o") for file in files], "-lm"], check=True)
    return compiled(library, "tl2cgen", rows_file, folder, expected, seconds)


def with_lleaves(path, folder, rows_file, expected, seconds):
    cache = folder / (path.stem + "-lleaves.o")
    # In a separate process, so that it can be aborted.
    subprocess.run([sys.executable, "-c", "import sys, lleaves; lleaves.Model(model_file=sys.argv[1]).compile(cache=sys.argv[2])",
                    path, cache], check=True, timeout=COMPILE_SECONDS_MAX)
    library = cache.with_suffix(".so")
    subprocess.run(["cc", "-shared", "-o", library, cache, "-lm"], check=True)
    return compiled(library, "lleaves", rows_file, folder, expected, seconds)


def with_gtil(path, rows, expected, seconds):
    model = treelite.frontend.load_xgboost_model(str(path))
    close("GTIL", treelite.gtil.predict(model, rows, nthread=1), expected)
    return both(lambda some: treelite.gtil.predict(model, some, nthread=1), rows, seconds)


def with_onedal(booster, rows, expected, seconds):
    import daal4py
    model = daal4py.mb.convert_model(booster)
    close("oneDAL", model.predict_proba(rows)[:, 1], expected)
    return both(model.predict_proba, rows, seconds)


def main():
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    values, labels = make_classification(TRAIN_ROWS, COLUMNS, n_informative=18, n_redundant=4, flip_y=0.05,
                                         random_state=1)
    values = values.astype(np.float32)
    rows = values[np.random.default_rng(3).permutation(TRAIN_ROWS)[:ROWS]].copy()
    rows_file = folder / "rows.f32"
    rows.tofile(rows_file)
    matrix = xgboost.DMatrix(values, labels)
    out = {}
    for name, (trees, depth) in MODELS.items():
        stem = f"{trees}x{depth}"
        booster = xgboost.train({"objective": "binary:logistic", "max_depth": depth, "eta": 0.1, "nthread": 2,
                                 "base_score": 0.5}, matrix, trees)
        booster.save_model(folder / f"{stem}.json")
        booster.set_param({"nthread": 1})
        expected = booster.inplace_predict(rows)
        leaves = lightgbm.train({"objective": "binary", "max_depth": depth, "num_leaves": 2**depth, "num_threads": 2,
                                 "verbose": -1}, lightgbm.Dataset(values, labels), trees)
        leaves.save_model(folder / f"{stem}.txt")
        attempts = {
            "ONNX Runtime": lambda: onnx_runtime(booster, rows, expected, seconds),
            "XGBoost 2.1, Python": lambda: both(booster.inplace_predict, rows, seconds),
            "TL2cgen": lambda: with_tl2cgen(folder / f"{stem}.json", folder, rows_file, expected, seconds),
            "treelite GTIL": lambda: with_gtil(folder / f"{stem}.json", rows, expected, seconds),
            "oneDAL": lambda: with_onedal(booster, rows, expected, seconds),
            "lleaves": lambda: with_lleaves(folder / f"{stem}.txt", folder, rows_file, leaves.predict(rows[:1]), seconds),
            "LightGBM, Python": lambda: both(lambda some: leaves.predict(some, num_threads=1), rows, seconds),
        }
        if seconds < 1 and depth > 6:
            del attempts["lleaves"], attempts["TL2cgen"]  # they compile for minutes, too long for a quick run
        out[name] = {"stem": stem}
        for peer, attempt in attempts.items():
            print(f"  {name}: {peer} ...", end=" ", file=sys.stderr, flush=True)
            try:
                out[name][peer] = attempt()
                print("%.2f us one row, %.2f us a row of many" % tuple(out[name][peer]), file=sys.stderr)
            except Exception as error:  # a peer that fails loses its row, with a message
                print(f"left out: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
