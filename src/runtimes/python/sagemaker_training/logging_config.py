from tidemill_containers.logging_config import *  # noqa: F401,F403
