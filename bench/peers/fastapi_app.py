"""A peer of InvokeEndpoint: a typical FastAPI service around an XGBoost model."""
import os

import numpy
import xgboost
from fastapi import FastAPI, Request, Response

booster = xgboost.Booster()
booster.load_model(os.environ["MODEL_PATH"])
booster.set_param({"nthread": 1})
app = FastAPI()


@app.post("/invocations")
async def invocations(request: Request):
    text = (await request.body()).decode()
    rows = numpy.array([[float(v) for v in line.split(",")] for line in text.strip().split("\n")], dtype=numpy.float32)
    scores = booster.inplace_predict(rows)
    return Response(",".join(str(s) for s in scores), media_type="text/csv")
