"""Makes the models of booster_test.cc with whatever xgboost is installed: a file each format, and what
Python predicts with them.

    python make_models.py DIRECTORY    (the checked-in ones are from xgboost 3.2.0)
"""
import json
import pathlib
import pickle
import sys

import numpy
import xgboost

out = pathlib.Path(sys.argv[1])
random = numpy.random.default_rng(7)
features = random.random((300, 3)).astype("f4")
labels = (features[:, 0] + features[:, 1] > 0.8).astype("f4")
booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "seed": 7},
                        xgboost.DMatrix(features, labels), 4)
booster.save_model(out / "python.json")
booster.save_model(out / "python.ubj")
with open(out / "python.pkl", "wb") as file:
    pickle.dump(booster, file)
rows = features[:5]
json.dump({"version": xgboost.__version__, "rows": rows.ravel().tolist(),
           "scores": booster.predict(xgboost.DMatrix(rows)).tolist()},
          open(out / "python_expected.json", "w"), indent=1)
