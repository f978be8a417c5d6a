from tidemill_containers.encoders import *  # noqa: F401,F403
