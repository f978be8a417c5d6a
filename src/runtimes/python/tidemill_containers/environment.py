"""The settings of a job or a model server, as an object."""
import json
import logging
import os

from tidemill_common import paths
from tidemill_containers import mapping
from tidemill_training import environment as job

base_dir = str(paths.ML_ROOT)
code_dir = str(paths.CODE)
model_dir = str(paths.MODEL)
input_dir = str(paths.INPUT)
input_config_dir = str(paths.CONFIG)
output_dir = str(paths.OUTPUT)
output_data_dir = str(paths.OUTPUT / "data")
output_intermediate_dir = str(paths.OUTPUT / "intermediate")
HYPERPARAMETERS_FILE = "hyperparameters.json"
RESOURCE_CONFIG_FILE = "resourceconfig.json"
INPUT_DATA_CONFIG_FILE = "inputdataconfig.json"


def read_hyperparameters():
    return {name: job.decode(value) for name, value in job.read_json(HYPERPARAMETERS_FILE).items()}


def read_resource_config():
    return job.read_json(RESOURCE_CONFIG_FILE)


def read_input_data_config():
    return job.read_json(INPUT_DATA_CONFIG_FILE)


def channel_path(channel):
    return str(paths.DATA / channel)


def num_gpus():
    return job.gpus()


def num_cpus():
    return int(os.environ.get("SM_NUM_CPUS") or len(os.sched_getaffinity(0)))


class Environment(mapping.MappingMixin):
    """The environment of a training job: the values of the SM_* variables, under the toolkit's names."""

    def __init__(self, resource_config=None, input_data_config=None, hyperparameters=None):
        self._resources = resource_config or read_resource_config()
        self._channels = input_data_config or read_input_data_config()
        given = hyperparameters or read_hyperparameters()
        self._user = {name: value for name, value in given.items() if not name.startswith("sagemaker_")}
        self._system = {name.removeprefix("sagemaker_"): value for name, value in given.items()
                        if name.startswith("sagemaker_")}

    # --- folders ---
    model_dir = property(lambda self: os.environ.get("SM_MODEL_DIR") or model_dir)
    input_dir = property(lambda self: input_dir)
    input_config_dir = property(lambda self: input_config_dir)
    output_dir = property(lambda self: output_dir)
    output_data_dir = property(lambda self: os.environ.get("SM_OUTPUT_DATA_DIR") or output_data_dir)
    output_intermediate_dir = property(lambda self: output_intermediate_dir)
    code_dir = property(lambda self: code_dir)
    channel_input_dirs = property(lambda self: {name: channel_path(name) for name in self._channels})

    # --- the job ---
    hyperparameters = property(lambda self: self._user)
    additional_framework_parameters = property(lambda self: {})
    framework_params = property(lambda self: self._system)
    input_data_config = property(lambda self: self._channels)
    resource_config = property(lambda self: self._resources)
    job_name = property(lambda self: self._system.get("job_name") or os.environ.get("TRAINING_JOB_NAME", ""))
    module_dir = property(lambda self: self._system.get("submit_directory") or code_dir)
    user_entry_point = property(lambda self: self._system.get("program") or os.environ.get("SAGEMAKER_PROGRAM"))
    module_name = property(lambda self: (self.user_entry_point or "").removesuffix(".py"))
    framework_module = property(lambda self: os.environ.get("SAGEMAKER_TRAINING_MODULE"))
    log_level = property(lambda self: int(self._system.get("container_log_level") or logging.INFO))

    # --- the machine ---
    hosts = property(lambda self: self._resources.get("hosts", ["algo-1"]))
    current_host = property(lambda self: self._resources.get("current_host", self.hosts[0]))
    master_hostname = property(lambda self: sorted(self.hosts)[0])
    is_master = property(lambda self: self.current_host == self.master_hostname)
    is_main = property(lambda self: self.is_master)
    is_hetero = property(lambda self: False)
    current_instance_type = property(lambda self: self._resources.get("current_instance_type"))
    current_instance_group = property(lambda self: self._resources.get("current_group_name", "homogeneousCluster"))
    instance_groups = property(lambda self: [each.get("instance_group_name")
                                             for each in self._resources.get("instance_groups", [])])
    network_interface_name = property(lambda self: self._resources.get("network_interface_name", "lo"))
    num_cpus = property(lambda self: num_cpus())
    num_gpus = property(lambda self: num_gpus())
    num_neurons = property(lambda self: 0)

    def to_env_vars(self):
        return job.build(self._user, dict(self._system))

    def to_cmd_args(self):
        return job.user_arguments(self._user)

    def sagemaker_s3_output(self):
        return self._system.get("s3_output")


class ServingEnv(mapping.MappingMixin):
    """The environment of a model server, from the variables of its container."""

    module_name = property(lambda self: os.environ.get("SAGEMAKER_PROGRAM", "inference.py").removesuffix(".py"))
    module_dir = property(lambda self: os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or code_dir)
    model_dir = property(lambda self: os.environ.get("SM_MODEL_DIR") or model_dir)
    default_accept = property(
        lambda self: os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json"))
    framework_module = property(lambda self: os.environ.get("SAGEMAKER_SERVING_MODULE"))
    http_port = property(lambda self: os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    inference_http_port = property(lambda self: self.http_port)
    management_http_port = property(lambda self: self.http_port)
    safe_port_range = property(lambda self: os.environ.get("SAGEMAKER_SAFE_PORT_RANGE"))
    model_server_timeout = property(lambda self: int(os.environ.get("SAGEMAKER_MODEL_SERVER_TIMEOUT") or 60))
    model_server_workers = property(
        lambda self: int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or num_cpus()))
    current_host = property(lambda self: os.environ.get("SM_CURRENT_HOST", "algo-1"))
    log_level = property(lambda self: int(os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL") or logging.INFO))
    num_cpus = property(lambda self: num_cpus())
    num_gpus = property(lambda self: num_gpus())

    def to_env_vars(self):
        return {f"SM_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
                for name, value in dict(self).items()}


TrainingEnv = Environment


def write_env_vars(env_vars=None):
    os.environ.update(env_vars or {})
