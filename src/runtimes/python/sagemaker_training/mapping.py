from tidemill_containers.mapping import *  # noqa: F401,F403
