from tidemill_containers.functions import *  # noqa: F401,F403
