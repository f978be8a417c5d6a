from tidemill_containers.status_codes import *  # noqa: F401,F403
