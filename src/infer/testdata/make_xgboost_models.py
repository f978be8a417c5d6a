"""Makes xgboost_model-<version>.zip: small models of the XGBoost that runs this, with what it predicts.

Run once with each version (python -m venv, pip install xgboost==1.0.2 "numpy<1.24" scipy, and so on):
0.90, 1.0.2, 1.2.1, 1.3.3, 1.7.6, xgboost-cpu 2.1.4, 3.0.5 and 3.2.0. Rows come from a formula that
xgboost/versions_test.cc has too, so that only models and predictions are kept: <case>.<format>.model, and
<case>.expected, which holds little-endian floats: the margins of all rows, then the predictions.
"""
import pickle
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import xgboost as xgb

warnings.filterwarnings("ignore")
VERSION = tuple(int(part) for part in xgb.__version__.split(".")[:2])
BUNDLE = zipfile.ZipFile(Path(__file__).parent / f"xgboost_model-{xgb.__version__}.zip", "w", zipfile.ZIP_DEFLATED,
                         compresslevel=9)
ROWS, COLUMNS = 150, 5
TREES = {"max_depth": 2, "eta": 0.4, "nthread": 1, "verbosity": 0, "seed": 7}


def rows(missing=True):
    """Row-major: x(k+1) = x(k) * 1103515245 + 12345 mod 2^31 from 42; every tenth value is missing."""
    state, out = 42, []
    for i in range(ROWS * COLUMNS):
        state = (state * 1103515245 + 12345) % 2**31
        value = (state >> 12) % 1000 / np.float32(1000)
        out.append(np.nan if missing and (state >> 8) % 10 == 0 else value)
    return np.array(out, np.float32).reshape(ROWS, COLUMNS)


X = rows()
FILLED = np.nan_to_num(X, nan=0.5)
SIGNAL = FILLED[:, 0] * 2 - FILLED[:, 1] + (FILLED[:, 2] > 0.6) * FILLED[:, 3]


def matrix(label, **more):
    return xgb.DMatrix(more.pop("data", X), label=label, **more)


def put(name, data):
    entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    BUNDLE.writestr(entry, data)


def saved(booster, form):
    if form == "pkl":
        return pickle.dumps(booster, protocol=4 if VERSION >= (1, 0) else 3)
    if form in ("pk0", "pk2"):
        return pickle.dumps(booster, protocol=int(form[2]))
    if form == "bin" and VERSION >= (1, 6):
        return bytes(booster.save_raw("deprecated"))
    if VERSION >= (1, 6):
        return bytes(booster.save_raw(form))
    with tempfile.TemporaryDirectory() as folder:
        booster.save_model(f"{folder}/model.{form}")
        return Path(f"{folder}/model.{form}").read_bytes()


def keep(name, booster, formats, data=None, **options):
    data = data if data is not None else xgb.DMatrix(X)
    margins = np.asarray(booster.predict(data, output_margin=True, **options), np.float32)
    predictions = np.asarray(booster.predict(data, **options), np.float32)
    put(f"{name}.expected", margins.tobytes() + predictions.tobytes())
    for form in formats:
        put(f"{name}.{form}.model", saved(booster, form))


def train(parameters, data, rounds=3, **more):
    return xgb.train({**TREES, **parameters}, data, rounds, **more)


def main():
    binary = (SIGNAL > np.median(SIGNAL)).astype(np.float32)
    classes = np.digitize(SIGNAL, np.quantile(SIGNAL, [0.33, 0.66])).astype(np.float32)
    positive = (SIGNAL - SIGNAL.min() + 0.1).astype(np.float32)
    if VERSION < (1, 0):
        # What containers of that time wrote, by the Python they had; see xgboost/pickle.cc.
        keep("logistic", train({"objective": "binary:logistic", "base_score": 0.3}, matrix(binary)),
             ["bin", "pkl", "pk2", "pk0"])
        keep("squared", train({"objective": "reg:linear"}, matrix(SIGNAL)), ["pkl"])
        keep("softprob", train({"objective": "multi:softprob", "num_class": 3}, matrix(classes), 2), ["pkl"])
        keep("dart", train({"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5}, matrix(binary), 4), ["pkl"],
             ntree_limit=4)  # as the container asks; without, predictions drop trees
        keep("linear", train({"objective": "binary:logistic", "booster": "gblinear", "updater": "coord_descent"},
                             matrix(binary)), ["pkl"])
        return
    new = ["ubj"] if VERSION >= (1, 7) else ["json"]
    old = (["bin"] if VERSION < (3, 1) else []) + new
    keep("logistic", train({"objective": "binary:logistic", "base_score": 0.3}, matrix(binary)), old + ["json", "pkl"][VERSION < (1, 7):])
    keep("squared", train({"objective": "reg:squarederror"}, matrix(SIGNAL)), new)
    targets = np.stack([SIGNAL, -SIGNAL * 2], 1)
    vectors = {"multi_strategy": "multi_output_tree", "tree_method": "hist"}
    if VERSION >= (2, 0):
        keep("vectors", train({"objective": "reg:squarederror", **vectors}, matrix(targets), 2), ["ubj"])
    if VERSION in ((1, 2), (2, 1), (3, 0)):
        return
    keep("softprob", train({"objective": "multi:softprob", "num_class": 3}, matrix(classes), 2), old)
    keep("dart", train({"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5}, matrix(binary), 4), old)
    keep("linear", train({"objective": "binary:logistic", "booster": "gblinear", "updater": "coord_descent"},
                         matrix(binary)), old)
    keep("poisson", train({"objective": "count:poisson"}, matrix(np.round(positive))), new)
    forest = train({"objective": "reg:squarederror", "num_parallel_tree": 2, "subsample": 0.7}, matrix(SIGNAL), 3)
    if VERSION >= (1, 6):
        forest.set_attr(best_iteration="1")
    elif VERSION >= (1, 3):
        forest.set_attr(best_iteration="1", best_ntree_limit="4")
    # What a container of SageMaker asks for: the trees up to the best iteration.
    until = {"iteration_range": (0, 2)} if VERSION >= (1, 4) else {"ntree_limit": 4 if VERSION >= (1, 3) else 0}
    keep("forest", forest, old, **until)
    if VERSION not in ((1, 7), (3, 2)):
        return
    for name, parameters, label in [
            ("logitraw", {"objective": "binary:logitraw", "base_score": 0.3}, binary),
            ("hinge", {"objective": "binary:hinge"}, binary),
            ("gamma", {"objective": "reg:gamma"}, positive), ("tweedie", {"objective": "reg:tweedie"}, positive),
            ("softmax", {"objective": "multi:softmax", "num_class": 3}, classes),
            ("cox", {"objective": "survival:cox"}, positive),
            ("absolute", {"objective": "reg:absoluteerror"}, SIGNAL),
            ("pseudohuber", {"objective": "reg:pseudohubererror"}, SIGNAL)]:
        keep(name, train(parameters, matrix(label), 2), ["ubj"])
    ranked = matrix(np.round(positive))
    ranked.set_group([50, 50, 50])
    keep("ndcg", train({"objective": "rank:ndcg"}, ranked, 2), ["ubj"])
    survival = matrix(None)
    survival.set_float_info("label_lower_bound", positive)
    survival.set_float_info("label_upper_bound", positive + 1)
    keep("aft", train({"objective": "survival:aft"}, survival, 2), ["ubj"])
    keep("targets", train({"objective": "reg:squarederror"}, matrix(targets), 2), ["ubj"])
    categories = FILLED.copy()
    categories[:, 0] = np.floor(FILLED[:, 0] * 7)
    categories[:, 4] = np.floor(FILLED[:, 4] * 40)
    categories[::9, 4] = np.nan
    label = ((categories[:, 0] % 3 == 1) ^ (categories[:, 4] % 5 > 2)).astype(np.float32) + FILLED[:, 1] / 4
    for name, onehot in (("onehot", 100), ("partition", 1)):
        data = matrix(label, data=categories, feature_types=["c", "q", "q", "q", "c"], enable_categorical=True)
        keep(name, train({"objective": "reg:squarederror", "tree_method": "hist", "max_cat_to_onehot": onehot}, data),
             ["ubj"], data)
    if VERSION == (3, 2):
        keep("linear_classes", train({"objective": "multi:softprob", "num_class": 3, "booster": "gblinear",
                                      "updater": "coord_descent"}, matrix(classes)), ["ubj"])
        keep("quantiles", train({"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}, matrix(SIGNAL), 2), ["ubj"])
        keep("vector_classes", train({"objective": "multi:softprob", "num_class": 3, **vectors}, matrix(classes), 2), ["ubj"])


if __name__ == "__main__":
    main()
    BUNDLE.close()
