"""Shared by the tests of hosting through the SageMaker Python SDK v3: a session, hand-made models, waits."""
import contextlib
import json
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from helpers import wait_until  # noqa: E402
from sagemaker_world import SCIKIT_LEARN, XGBOOST, World, make_role, tar_gz  # noqa: E402

# Answers with the process that answers and with the request.
ECHO = """
import os


def model_fn(model_dir):
    return os.environ.get("GREETING", "hello")


def input_fn(body, content_type):
    if body == "fail":
        raise ValueError("so it was asked for")
    return body


def predict_fn(body, model):
    return f"{model} {body}"


def output_fn(text, accept):
    return (piece for piece in text.split()) if accept == "text/pieces" else text, "text/plain"
"""


def named(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def booster(tree, nodes):
    """XGBoost's JSON format by its published schema, with one tree for two features."""
    tree = {"categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": [], "id": 0,
            "base_weights": [0.0] * nodes, "loss_changes": [0.0] * nodes, "split_type": [0] * nodes,
            "sum_hessian": [1.0] * nodes, "tree_param": {
                "num_deleted": "0", "num_feature": "2", "num_nodes": str(nodes), "size_leaf_vector": "0"}, **tree}
    model = {"gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1", "size_leaf_vector": "0"},
             "tree_info": [0], "trees": [tree]}
    return json.dumps({"version": [1, 7, 6], "learner": {
        "attributes": {}, "feature_names": [], "feature_types": [],
        "gradient_booster": {"model": model, "name": "gbtree"},
        "learner_model_param": {"base_score": "0E0", "boost_from_average": "1", "num_class": "0",
                                "num_feature": "2", "num_target": "1"},
        "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}}}})


NOBODY = 2147483647  # the parent of the root


def leaf_booster(value):
    """A model that always answers `value`."""
    return booster({"left_children": [-1], "right_children": [-1], "parents": [NOBODY], "split_indices": [0],
                    "split_conditions": [value], "default_left": [0]}, 1)


def split_booster(threshold, below, above, missing_is_below=True):
    """A model that depends on the second feature."""
    return booster({"left_children": [1, -1, -1], "right_children": [2, -1, -1], "parents": [NOBODY, 0, 0],
                    "split_indices": [1, 0, 0], "split_conditions": [threshold, below, above],
                    "default_left": [int(missing_is_below), 0, 0]}, 3)


class V3World(World):
    """A world with a session of the SDK; its role may do everything, as the SDK's own checks demand."""

    def __init__(self, server):
        from sagemaker.core.helper.session_helper import Session
        super().__init__(server)
        self.role = make_role(self.iam, [{"Effect": "Allow", "Action": "*", "Resource": "*"}])
        self.session = Session(default_bucket=self.bucket)
        self.boto = self.session.boto_session

    def archive(self, model, key=None):
        return self.put(key or f"{named('model')}/model.tar.gz", tar_gz({"xgboost-model": model}))

    def leaf_archive(self, value, key=None):
        return self.archive(leaf_booster(value), key)

    def echo_archive(self):
        return self.put(f"{named('echo')}/model.tar.gz", tar_gz({"code/inference.py": ECHO}))

    def model(self, *containers, **more):
        from sagemaker.core.resources import Model
        held = {"primary_container": containers[0]} if len(containers) == 1 else {"containers": list(containers)}
        return Model.create(model_name=named("v3"), execution_role_arn=self.role, session=self.boto, **held, **more)

    def leaf(self, value, **more):
        """A container of a native model."""
        from sagemaker.core.shapes import ContainerDefinition
        return ContainerDefinition(image=XGBOOST, model_data_url=self.leaf_archive(value), **more)

    def echo(self, greeting="hello", **more):
        """A container of a Python script."""
        from sagemaker.core.shapes import ContainerDefinition
        return ContainerDefinition(image=SCIKIT_LEARN, model_data_url=self.echo_archive(), environment={
            "SAGEMAKER_PROGRAM": "inference.py", "GREETING": greeting}, **more)

    def variant(self, model, name="AllTraffic", weight=1.0, count=1, **more):
        from sagemaker.core.shapes import ProductionVariant
        return ProductionVariant(variant_name=name, model_name=model, instance_type="ml.m5.large",
                                 initial_instance_count=count, initial_variant_weight=weight, **more)

    def config(self, *variants, **more):
        from sagemaker.core.resources import EndpointConfig
        return EndpointConfig.create(endpoint_config_name=named("v3"), production_variants=list(variants),
                                     session=self.boto, **more)

    @contextlib.contextmanager
    def endpoint(self, config):
        """Waits until the endpoint is in service; it is deleted at the end."""
        from sagemaker.core.resources import Endpoint
        made = Endpoint.create(endpoint_name=named("v3"), endpoint_config_name=config, session=self.boto)
        made.wait_for_status("InService", poll=1, timeout=60)
        try:
            yield made
        finally:
            made.delete()
            made.wait_for_delete(poll=1, timeout=60)

    def object(self, uri):
        """Waits for the object and returns its bytes."""
        bucket, key = uri.removeprefix("s3://").split("/", 1)

        def look():
            listed = self.s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
            return [each for each in listed if each["Key"] == key]
        wait_until(look)
        return self.read(uri)


def text_of(answer):
    return answer.body.read().decode()


def number(endpoint, **options):
    """The answer of a native model."""
    return float(text_of(endpoint.invoke(body="1,2", content_type="text/csv", accept="text/csv", **options)))
