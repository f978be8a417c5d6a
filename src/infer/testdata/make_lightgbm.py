"""Makes lightgbm-<version>.zip of lightgbm_test.cc with the lightgbm that is installed.

    python make_lightgbm.py DIRECTORY     (checked in: 2.2.3, 3.3.5, 4.7.0)
"""
import pathlib
import sys
import tempfile

import lightgbm
import numpy

import parity

VERSION = lightgbm.__version__
MAJOR = int(VERSION.split(".")[0])
rows = parity.make_rows()
wild_rows = parity.make_wild(rows).astype("f8")
target = parity.make_target(rows)
categories = numpy.floor(target - target.min()).clip(0, 3)
binary = (target > 0.8).astype(int)
positive = numpy.exp(target / 2)
unit = 1 / (1 + numpy.exp(-target))
bundle = parity.Bundle(pathlib.Path(sys.argv[1]) / f"lightgbm-{VERSION}.zip")


def add(case, label, columns=None, categorical=(6,), rounds=8, group=None, parameters=None,
        objective_function=None):
    settings = {"num_leaves": 8, "verbose": -1, "verbosity": -1, "num_threads": 1, "seed": 3,
                "min_data_in_leaf": 20, "deterministic": True, "min_data_per_group": 20}
    settings.update(parameters or {})
    data = rows if columns is None else columns
    train = lightgbm.Dataset(data.astype("f8"), label, categorical_feature=list(categorical),
                             free_raw_data=False, group=group, params=settings)
    arguments = {}
    if objective_function and MAJOR < 4:
        arguments["fobj"] = objective_function
    elif objective_function:
        settings["objective"] = objective_function
    booster = lightgbm.train(settings, train, rounds, **arguments)
    text = booster.model_to_string()
    # What follows the trees (importances, parameters) is not read; one case keeps it.
    end = text.find("end of trees")
    if case != "binary" and end >= 0:
        text = text[:end] + "end of trees\n"
    # Read back: what the file says is what counts.
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(booster.model_to_string())
        file.flush()
        predictor = lightgbm.Booster(model_file=file.name)
    bundle.add(case, text.encode(), predictor.predict(wild_rows))


def squared_error(predictions, data):
    return predictions - data.get_label(), numpy.ones_like(predictions)


add("binary", binary, parameters={"objective": "binary", "sigmoid": 1.7})
add("regression", target, parameters={"objective": "regression"})
add("multiclass", categories, rounds=3, parameters={"objective": "multiclass", "num_class": 4})
if MAJOR in (2, 4):
    add("categorical", target, categorical=(5, 6), rounds=6,
        parameters={"objective": "regression", "max_cat_to_onehot": 1})
    add("zero_missing", target,
        parameters={"objective": "regression", "zero_as_missing": True})
    add("no_missing", target, parameters={"objective": "regression", "use_missing": False})
if MAJOR == 3:
    add("linear_tree", target, categorical=(), rounds=5,
        parameters={"objective": "regression", "linear_tree": True})
if MAJOR == 4:
    add("multiclassova", categories, rounds=3,
        parameters={"objective": "multiclassova", "num_class": 4, "sigmoid": 0.6})
    add("poisson", numpy.floor(positive), parameters={"objective": "poisson"})
    add("gamma", positive, parameters={"objective": "gamma"})
    add("tweedie", positive, parameters={"objective": "tweedie"})
    add("sqrt", positive, parameters={"objective": "regression", "reg_sqrt": True})
    add("quantile", target, parameters={"objective": "quantile", "alpha": 0.7})
    add("cross_entropy", unit, parameters={"objective": "cross_entropy"})
    add("cross_entropy_lambda", unit, parameters={"objective": "cross_entropy_lambda"})
    add("lambdarank", categories.astype(int), group=[40] * (parity.ROWS // 40),
        parameters={"objective": "lambdarank"})
    add("random_forest", binary, parameters={"objective": "binary", "boosting": "rf",
                                             "bagging_freq": 1, "bagging_fraction": 0.6})
    add("random_forest_classes", categories, rounds=3,
        parameters={"objective": "multiclass", "num_class": 4, "boosting": "rf",
                    "bagging_freq": 1, "bagging_fraction": 0.6})
    add("dart", binary, rounds=12, parameters={"objective": "binary", "boosting": "dart",
                                               "drop_rate": 0.4})
    add("goss", target, parameters={"objective": "regression",
                                    "data_sample_strategy": "goss", "learning_rate": 0.5})
    add("linear_tree", target, categorical=(), rounds=5,
        parameters={"objective": "regression", "linear_tree": True})
    add("linear_tree_binary", binary, rounds=5,
        parameters={"objective": "binary", "linear_tree": True})
    add("custom", target, parameters={}, objective_function=squared_error)
    add("stump_only", numpy.full(parity.ROWS, 2.5), parameters={"objective": "regression"})
bundle.close()
