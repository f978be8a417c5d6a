"""The kill storm of tests/crash, with more kills and a new seed each time."""
import random

from support.kill_storm import storm
from support.server import Server


def test_two_hundred_kills():
    with Server(auth="verify") as server:
        assert storm(server, kills=200, seed=random.randrange(1 << 30)) > 1000
