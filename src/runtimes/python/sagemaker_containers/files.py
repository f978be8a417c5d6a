from tidemill_containers.files import *  # noqa: F401,F403
