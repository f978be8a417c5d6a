"""BentoML around the churn model: two workers, one thread each."""
import os

import bentoml
import numpy
import xgboost


@bentoml.service(workers=2, traffic={"timeout": 60, "max_concurrency": 64}, http={"access_log": {"enabled": False}})
class Churn:
    def __init__(self):
        self.booster = xgboost.Booster()
        self.booster.load_model(os.environ["MODEL_PATH"])
        self.booster.set_param({"nthread": 1})

    @bentoml.api(route="/invocations")
    def invocations(self, rows: numpy.ndarray) -> numpy.ndarray:
        return self.booster.inplace_predict(rows.astype(numpy.float32))
