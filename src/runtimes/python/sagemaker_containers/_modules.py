from tidemill_containers.modules import *  # noqa: F401,F403
