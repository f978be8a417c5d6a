from tidemill_containers.content_types import *  # noqa: F401,F403
