"""Ray Serve around the churn model: two replicas, one thread each. `python ray_app.py PORT`."""
import os
import sys
import time

import numpy
import ray
import xgboost
from ray import serve
from starlette.requests import Request
from starlette.responses import PlainTextResponse


@serve.deployment(num_replicas=2, max_ongoing_requests=64, ray_actor_options={"num_cpus": 1})
class Churn:
    def __init__(self, path):
        self.booster = xgboost.Booster()
        self.booster.load_model(path)
        self.booster.set_param({"nthread": 1})

    async def __call__(self, request: Request):
        text = (await request.body()).decode()
        rows = numpy.array([[float(v) for v in line.split(",")] for line in text.strip().split("\n")], dtype=numpy.float32)
        return PlainTextResponse(",".join(str(s) for s in self.booster.inplace_predict(rows)))


if __name__ == "__main__":
    ray.init(num_cpus=4, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1]), "access_log": False})
    serve.run(Churn.bind(os.environ["MODEL_PATH"]), route_prefix="/invocations", logging_config={"enable_access_log": False})
    while True:
        time.sleep(3600)
