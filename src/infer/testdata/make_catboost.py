"""Makes catboost-<version>.zip of catboost_test.cc with the catboost that is installed.

    python make_catboost.py DIRECTORY     (checked in: 1.2.10)
"""
import json
import pathlib
import sys
import tempfile

import catboost
import numpy
import pandas

import parity

rows = parity.make_rows()
target = parity.make_target(rows)
classes = numpy.floor(target - target.min()).clip(0, 3)
binary = (target > 0.8).astype(int)
positive = numpy.exp(target / 2)
bundle = parity.Bundle(pathlib.Path(sys.argv[1]) / f"catboost-{catboost.__version__}.zip")

# Categories are whole numbers, as rows of numbers hold them; a missing one is a category too.
frame = pandas.DataFrame(rows)
for column in (5, 6):
    frame[column] = frame[column].fillna(0).astype(int)


def save(model):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        model.save_model(file.name, format="json")
        text = pathlib.Path(file.name).read_text()
    document = json.loads(text)
    # Weights of leaves, how it was trained: not read, and most of the file.
    info = document["model_info"]
    document["model_info"] = {"params": {"loss_function": info["params"]["loss_function"]}}
    for tree in document.get("oblivious_trees", []):
        tree.pop("leaf_weights")
    return json.dumps(document).encode()


def add(case, estimator, label, data=rows, **parameters):
    settings = {"iterations": 8, "depth": 4, "verbose": False, "thread_count": 1, "random_seed": 3,
                "allow_writing_files": False, "learning_rate": 0.3, **parameters}
    model = estimator(**settings).fit(data, label)
    if hasattr(model, "predict_proba"):
        answers = model.predict_proba(data)
        if answers.shape[1] == 2:
            answers = answers[:, 1]
    else:
        answers = model.predict(data)
    bundle.add(case, save(model), answers)


regressor, classifier = catboost.CatBoostRegressor, catboost.CatBoostClassifier
add("regression", regressor, target)
add("binary", classifier, binary)
add("nan_max", classifier, binary, nan_mode="Max")
add("multiclass", classifier, classes, iterations=3)
add("one_versus_all", classifier, classes, iterations=3, loss_function="MultiClassOneVsAll")
add("poisson", regressor, numpy.floor(positive), loss_function="Poisson")
add("tweedie", regressor, positive, loss_function="Tweedie:variance_power=1.5")
add("multi_rmse", regressor, numpy.stack([target, positive], axis=1), loss_function="MultiRMSE",
    iterations=4)
add("depthwise", regressor, target, grow_policy="Depthwise")
add("lossguide", classifier, binary, grow_policy="Lossguide", max_leaves=9)
add("lossguide_multiclass", classifier, classes, iterations=3, grow_policy="Lossguide",
    max_leaves=6)
add("one_hot", classifier, binary, data=frame, one_hot_max_size=60, cat_features=[5, 6])
add("one_hot_depthwise", regressor, target, data=frame, one_hot_max_size=60, cat_features=[5, 6],
    grow_policy="Depthwise")
scaled = regressor(iterations=4, depth=3, verbose=False, allow_writing_files=False).fit(rows, target)
scaled.set_scale_and_bias(1.75, -0.3)
bundle.add("scale_and_bias", save(scaled), scaled.predict(rows))
bundle.close()
