from tidemill_containers.params import *  # noqa: F401,F403
