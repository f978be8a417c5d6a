from tidemill_containers.errors import *  # noqa: F401,F403
