"""The names under which scripts import the older toolkit's modules."""
from tidemill_containers import (content_types, encoders, environment as env, errors, files, functions,  # noqa: F401
                                 logging_config as logging, mapping, modules, params, status_codes, worker)


def training_env(resource_config=None, input_data_config=None, hyperparameters=None):
    return env.TrainingEnv(resource_config, input_data_config, hyperparameters)


def serving_env():
    return env.ServingEnv()
