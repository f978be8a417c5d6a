"""Events that training jobs publish reach a projection: /_tidemill/metrics counts them, also after the server was
killed."""
import re
import urllib.request

from helpers import wait_until
from sagemaker_world import World
from support.server import Server


def metric(server, line):
    """A metric by its name and labels; 0 while it is missing."""
    with urllib.request.urlopen(server.endpoint + "/_tidemill/metrics") as page:
        found = re.search(rf"^{re.escape(line)} (\S+)$", page.read().decode(), re.M)
    return float(found.group(1)) if found else 0


def test_training_jobs_are_counted_by_their_events():
    with Server(auth="verify") as server:
        world = World(server)
        name = world.start("import time\ntime.sleep(30)\n")
        training = 'tidemill_training_jobs{secondary_status="Training"}'
        wait_until(lambda: metric(server, training) == 1)
        assert metric(server, "tidemill_events_published_total") >= 2

        server.kill()
        server.start()
        # Counted again from the records, before anything new is published.
        wait_until(lambda: metric(server, training) == 1)

        world.sm.stop_training_job(TrainingJobName=name)
        assert world.finished(name)["TrainingJobStatus"] == "Stopped"
        wait_until(lambda: metric(server, 'tidemill_training_jobs_ended_total{status="Stopped"}') == 1)
        assert metric(server, training) == 0
        assert metric(server, 'tidemill_event_reader_lost_total{reader="projections"}') == 0
        wait_until(lambda: metric(server, 'tidemill_event_reader_lag{reader="projections"}') == 0)
