"""The time from CreateEndpoint to InService, for a native XGBoost model and for a Python model."""
import io
import tarfile

from measure import Row, median
from support.server import Server
from world import World

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SCRIPT = b"""
import numpy
def model_fn(folder):
    return numpy.ones(3)
def predict_fn(data, model):
    return data @ model
"""


def python_model(world):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("code/inference.py")
        info.size = len(SCRIPT)
        tar.addfile(info, io.BytesIO(SCRIPT))
    world.s3.put_object(Bucket=world.bucket, Key="python/model.tar.gz", Body=buffer.getvalue())
    return f"s3://{world.bucket}/python/model.tar.gz"


def measure(quick):
    repeats = 2 if quick else 5
    with Server() as server:
        world = World(server)
        job, _ = world.train_job()
        native = median(world.deploy(f"native-{i}", job["ModelArtifacts"]["S3ModelArtifacts"]) for i in range(repeats))
        data = python_model(world)
        python = median(world.deploy(f"python-{i}", data, SKLEARN, {"SAGEMAKER_PROGRAM": "inference.py"}) for i in range(repeats))
    return [Row("CreateEndpoint to InService, native XGBoost", "ms", native * 1000, better="lower", target="1,000"),
            Row("CreateEndpoint to InService, Python model", "ms", python * 1000, better="lower", target="3,000")]
