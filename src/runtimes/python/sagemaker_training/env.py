from tidemill_containers.environment import *  # noqa: F401,F403
