"""Churn through the SageMaker Python SDK v2: the built-in XGBoost, and scikit-learn in script mode.

    python churn_sagemaker_v2.py [xgboost] [sklearn]      both unless named

Run it in a shell with `tidemill env --transparent`: the SDK asks AWS's own address for the caller's
identity.
"""
import logging
import pathlib
import sys
import tempfile
import time

import boto3
import numpy
import sagemaker
from sagemaker import image_uris
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn import SKLearn

import churn_data

logging.getLogger("sagemaker").setLevel(logging.ERROR)  # otherwise the SDK logs every call
logging.getLogger("botocore").setLevel(logging.ERROR)

HERE = pathlib.Path(__file__).resolve().parent
NAME = "churn-v2-" + time.strftime("%Y%m%d-%H%M%S")


def upload(session, parts):
    """The two channels, uploaded as CSV."""
    inputs = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("train", "validation"):
            path = pathlib.Path(folder) / f"{name}.csv"
            path.write_text(churn_data.csv_text(*parts[name]))
            uri = session.upload_data(str(path), key_prefix=f"{NAME}/{name}")
            inputs[name] = TrainingInput(uri, content_type="text/csv")
    return inputs


def xgboost_estimator(session, role):
    return Estimator(
        image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1"), role, instance_count=1,
        instance_type="ml.m5.large", output_path=f"s3://{session.default_bucket()}/{NAME}/xgboost",
        sagemaker_session=session,
        hyperparameters={"objective": "binary:logistic", "num_round": 300, "max_depth": 5, "eta": 0.1,
                         "eval_metric": "auc,logloss", "early_stopping_rounds": 20, "seed": 7})


def sklearn_estimator(session, role):
    return SKLearn(
        "train.py", source_dir=str(HERE / "sklearn_script"), role=role, framework_version="1.2-1",
        instance_type="ml.m5.large", output_path=f"s3://{session.default_bucket()}/{NAME}/sklearn",
        code_location=f"s3://{session.default_bucket()}/{NAME}/code", sagemaker_session=session,
        hyperparameters={"max-iter": 120, "learning-rate": 0.1},
        metric_definitions=[{"Name": "validation:auc", "Regex": "validation-auc: ([0-9.]+);"}])


def score(predictor, rows):
    """Predicts one row per call; returns the scores and how long each call took."""
    scores, latencies_ms = [], []
    for row in rows:
        began = time.perf_counter()
        answer = predictor.predict(numpy.array([row]))
        latencies_ms.append((time.perf_counter() - began) * 1000)
        scores.append(float(numpy.ravel(numpy.asarray(answer, dtype=float))[0]))
    return scores, latencies_ms


def run(kind, session, role, inputs, test):
    print(f"== {kind}", flush=True)
    began = time.monotonic()
    estimator = (xgboost_estimator if kind == "xgboost" else sklearn_estimator)(session, role)
    estimator.fit(inputs, job_name=f"{NAME}-{kind}")
    print(f"fit: {time.monotonic() - began:.1f} s", flush=True)
    began = time.monotonic()
    more = {"serializer": CSVSerializer(), "deserializer": CSVDeserializer()} if kind == "xgboost" else {}
    predictor = estimator.deploy(1, "ml.m5.large", endpoint_name=f"{NAME}-{kind}", **more)
    print(f"deploy: {time.monotonic() - began:.1f} s", flush=True)
    try:
        rows, labels = test
        return churn_data.report(labels, *score(predictor, rows))
    finally:
        predictor.delete_model()
        predictor.delete_endpoint(delete_endpoint_config=True)


def main(kinds):
    bucket = NAME
    session = sagemaker.Session(default_bucket=bucket)
    # Jobs and endpoints read and write with the permissions of the role.
    role = sagemaker.get_execution_role()
    parts = churn_data.split()
    try:
        inputs = upload(session, parts)
        for kind in kinds:
            run(kind, session, role, inputs, parts["test"])
    finally:
        objects = boto3.resource("s3").Bucket(bucket)
        objects.objects.all().delete()
        objects.delete()


if __name__ == "__main__":
    main(sys.argv[1:] or ["xgboost", "sklearn"])
