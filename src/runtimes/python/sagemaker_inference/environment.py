"""The model server's settings."""
from tidemill_containers.environment import ServingEnv as Environment  # noqa: F401
from tidemill_containers.environment import base_dir as BASE_PATH, code_dir, model_dir  # noqa: F401
