"""The SM_* environment and the command line that SageMaker gives to a training script."""
import json
import os

from tidemill_common import paths


def read_json(name):
    """A JSON object from input/config; {} when the file does not exist."""
    try:
        return json.loads((paths.CONFIG / name).read_text())
    except FileNotFoundError:
        return {}


def decode(text):
    """Decodes a hyperparameter: all are strings, but the SDK's estimators put JSON into them."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def split(hyperparameters):
    """The user's hyperparameters, and the sagemaker_* ones without their prefix."""
    decoded = {name: decode(value) for name, value in hyperparameters.items()}
    user = {name: value for name, value in decoded.items() if not name.startswith("sagemaker_")}
    system = {name.removeprefix("sagemaker_"): value for name, value in decoded.items()
              if name.startswith("sagemaker_")}
    return user, system


def user_arguments(hyperparameters):
    """["--epochs", "3", ...], ordered by name."""
    arguments = []
    for name in sorted(hyperparameters):
        value = hyperparameters[name]
        if isinstance(value, dict):
            value = ",".join(f"{key}={value[key]}" for key in sorted(value))
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", str(value)]
    return arguments


def gpus():
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    return len([name for name in os.listdir("/dev") if name.startswith("nvidia") and name[6:].isdigit()])


def build(user, system):
    """All SM_* variables, as strings."""
    resources = read_json("resourceconfig.json")
    channels = read_json("inputdataconfig.json")
    hosts = resources.get("hosts", ["algo-1"])
    host = resources.get("current_host", hosts[0])
    program = system.get("program", "")
    cpus = int(os.environ.get("SM_NUM_CPUS") or len(os.sched_getaffinity(0)))
    values = {
        "SM_HOSTS": hosts,
        "SM_CURRENT_HOST": host,
        "SM_CURRENT_INSTANCE_TYPE": resources.get("current_instance_type", ""),
        "SM_CURRENT_INSTANCE_GROUP": resources.get("current_group_name", ""),
        "SM_NETWORK_INTERFACE_NAME": resources.get("network_interface_name", "lo"),
        "SM_MASTER_ADDR": hosts[0],
        "SM_HPS": user,
        "SM_USER_ENTRY_POINT": program,
        "SM_MODULE_NAME": program.removesuffix(".py"),
        "SM_MODULE_DIR": system.get("submit_directory", str(paths.CODE)),
        "SM_LOG_LEVEL": system.get("container_log_level", 20),
        "SM_RESOURCE_CONFIG": resources,
        "SM_INPUT_DATA_CONFIG": channels,
        "SM_CHANNELS": sorted(channels),
        "SM_INPUT_DIR": str(paths.INPUT),
        "SM_INPUT_CONFIG_DIR": str(paths.CONFIG),
        "SM_MODEL_DIR": str(paths.MODEL),
        "SM_OUTPUT_DIR": str(paths.OUTPUT),
        "SM_OUTPUT_DATA_DIR": str(paths.OUTPUT / "data"),
        "SM_OUTPUT_INTERMEDIATE_DIR": str(paths.OUTPUT / "intermediate"),
        "SM_NUM_CPUS": cpus,
        "SM_NUM_GPUS": gpus(),
        "SM_NUM_NEURONS": 0,
        "SM_FRAMEWORK_PARAMS": system,
        "SM_USER_ARGS": user_arguments(user),
    }
    for channel in channels:
        values[f"SM_CHANNEL_{channel.upper()}"] = str(paths.DATA / channel)
    for name, value in user.items():
        values[f"SM_HP_{name.upper()}"] = value
    values["SM_TRAINING_ENV"] = {
        "channel_input_dirs": {channel: str(paths.DATA / channel) for channel in channels},
        "current_host": host, "hosts": hosts, "hyperparameters": user,
        "input_data_config": channels, "model_dir": str(paths.MODEL), "module_name": values["SM_MODULE_NAME"],
        "num_cpus": cpus, "num_gpus": values["SM_NUM_GPUS"], "output_data_dir": values["SM_OUTPUT_DATA_DIR"],
        "resource_config": resources, "user_entry_point": program,
        "job_name": system.get("job_name", os.environ.get("TRAINING_JOB_NAME", "")),
    }
    return {name: value if isinstance(value, str) else json.dumps(value)
            for name, value in values.items()}
