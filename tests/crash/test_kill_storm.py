"""kill -9 at random moments under writers of every kind. tests/long has the same for longer."""
from support.kill_storm import storm
from support.server import Server


def test_nothing_acknowledged_is_lost():
    with Server(auth="verify") as server:
        assert storm(server, kills=8, seed=20261129) > 50
