from tidemill_containers.worker import *  # noqa: F401,F403
