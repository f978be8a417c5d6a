"""The names that scripts import of the older toolkit of SageMaker's containers.

Tidemill's own small version; an installed package of this name takes its place.
"""
from tidemill_common import elsewhere


if not elsewhere.replaced(__name__):
    from sagemaker_containers import content_types, encoders, env, errors, functions, mapping, worker  # noqa: F401

    def training_env(resource_config=None, input_data_config=None, hyperparameters=None):
        return env.TrainingEnv(resource_config, input_data_config, hyperparameters)

    def serving_env():
        return env.ServingEnv()
