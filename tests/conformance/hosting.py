"""Shared by the tests of hosting: models with recognizable answers, and endpoints that serve them."""
import re
import threading
import urllib.request

from helpers import unique, wait_until
from sagemaker_world import XGBOOST, tar_gz


def constant_booster(value, features=2):
    """The file of an XGBoost model that always predicts `value`."""
    import numpy
    import xgboost
    rows = numpy.random.default_rng(1).normal(size=(16, features))
    booster = xgboost.train({"objective": "reg:squarederror", "base_score": value, "max_depth": 1},
                            xgboost.DMatrix(rows, label=numpy.full(16, value)), 1)
    return bytes(booster.save_raw("ubj"))


def constant_archive(world, value, key=None):
    return world.put(key or f"{unique('model')}/model.tar.gz", tar_gz({"xgboost-model": constant_booster(value)}))


def constant_model(world, value):
    """Creates a native model; returns its name."""
    name = unique("model")
    world.sm.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer={
        "Image": XGBOOST, "ModelDataUrl": constant_archive(world, value)})
    return name


def variant(name, model, weight=1.0, count=1, **more):
    return {"VariantName": name, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": count,
            "InitialVariantWeight": weight, **more}


def config_of(world, *variants, **more):
    name = unique("config")
    world.sm.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **more)
    return name


def endpoint_of(world, config):
    name = unique("endpoint")
    world.sm.create_endpoint(EndpointName=name, EndpointConfigName=config)
    return name, in_service(world, name)


def in_service(world, name):
    found = world.settled(name)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    return found


def updated(world, name, config):
    """Waits until the update to the configuration is over; returns the endpoint's description."""
    return wait_until(lambda: (found := world.sm.describe_endpoint(EndpointName=name))["EndpointStatus"] == "InService"
                      and found["EndpointConfigName"] == config and found, 60)


def answer(world, endpoint, **options):
    """The answer of a constant model: its number."""
    # XGBoost's multi-model server answers */* with JSON.
    return float(world.runtime.invoke_endpoint(EndpointName=endpoint, Body="1,2", ContentType="text/csv",
                                               Accept="text/csv", **options)["Body"].read())


def metric(world, name):
    """A counter from the server's own metrics page."""
    with urllib.request.urlopen(world.server.endpoint + "/_tidemill/metrics") as page:
        found = re.search(rf"^{name} (\S+)$", page.read().decode(), re.M)
    return float(found.group(1))


class Load:
    """Invokes an endpoint from several threads until stopped; records every answer and every failure."""

    def __init__(self, world, endpoint, threads=4):
        self.answers, self.failures = [], []
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.ask, args=(world, endpoint)) for _ in range(threads)]

    def ask(self, world, endpoint):
        while not self.over.is_set():
            try:
                got = answer(world, endpoint)
                with self.lock:
                    self.answers.append(got)
            except Exception as error:  # any failure counts
                with self.lock:
                    self.failures.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
