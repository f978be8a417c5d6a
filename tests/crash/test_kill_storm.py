"""kill -9 at random moments while writers of every kind work. tests/long has a longer version."""
from support.kill_storm import storm
from support.server import Server


def test_nothing_acknowledged_is_lost():
    with Server(auth="verify") as server:
        assert storm(server, kills=8, seed=20261129) > 50
