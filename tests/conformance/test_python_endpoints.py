"""Endpoints whose model is served by the user's Python code, or by the user's own program."""
import io
import json
import os
import threading
import time

import numpy
import pytest
from botocore.exceptions import ClientError

from helpers import aws_error, unique, wait_until
from sagemaker_world import SCIKIT_LEARN, XGBOOST, World, tar_gz
from support.job_processes import alive
from support.server import Server

CUSTOM = """
import joblib, json, os, numpy


def model_fn(model_dir):
    print("loading from", model_dir, flush=True)
    model = joblib.load(os.path.join(model_dir, "model.joblib"))
    return model, os.environ.get("GREETING", "hello")


def input_fn(body, content_type):
    if content_type != "application/x-rows":
        raise ValueError(f"input_fn does not take {content_type}")
    return [[float(v) for v in row.split()] for row in body.decode().split(";")]


def predict_fn(rows, model):
    if len(rows[0]) != 3:
        raise RuntimeError(f"expected 3 features, got {len(rows[0])}")
    if rows[0][0] == -666:
        os._exit(7)
    return model[0].predict_proba(numpy.array(rows))[:, 1], model[1]


def output_fn(prediction, accept):
    scores, greeting = prediction
    answer = {"scores": scores.tolist(), "accept": accept, "greeting": greeting, "pid": int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 25 | int(open('/proc/%d/stat' % os.getpid()).read().rsplit(')', 1)[1].split()[19]) % 2**13 << 12 | os.getpid(), "server": int(os.readlink('/proc/self/ns/pid')[5:-1]) % 2**28 << 25 | int(open('/proc/%d/stat' % os.getppid()).read().rsplit(')', 1)[1].split()[19]) % 2**13 << 12 | os.getppid(),
              "uid": os.getuid()}
    return json.dumps(answer), "application/x-answer"
"""

DEFAULTS = """
import joblib, os


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""

PROGRAM = """#!/usr/bin/env python3
import http.server, os, sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, content_type="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"teapot":
            self.answer(418, b"i am a teapot")
        else:
            self.answer(200, body[::-1] + b" " + " ".join(sys.argv[1:]).encode(), self.headers["Content-Type"])


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def script_environment(**more):
    return {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code", **more}


def fitted():
    """A scikit-learn model, its file, and rows for predictions."""
    import joblib
    from sklearn.linear_model import LogisticRegression
    x = numpy.random.default_rng(5).normal(size=(200, 3)).round(3)
    model = LogisticRegression().fit(x, (x.sum(axis=1) > 0).astype(int))
    stream = io.BytesIO()
    joblib.dump(model, stream)
    return model, stream.getvalue(), x[:4]


@pytest.fixture(scope="module")
def world(server):
    made = World(server)
    made.model, made.model_file, made.rows = fitted()
    made.expected = made.model.predict_proba(made.rows)[:, 1]
    return made


def archive(world, script, **files):
    return world.put(f"{unique('model')}/model.tar.gz", tar_gz(
        {"model.joblib": world.model_file, "code/inference.py": script, **files}))


def in_service(world, name):
    found = world.settled(name)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    return found


@pytest.fixture(scope="module")
def custom(world):
    """An endpoint whose script has all four functions."""
    name = world.deploy(SCIKIT_LEARN, archive(world, CUSTOM), script_environment(GREETING="good day"))
    in_service(world, name)
    yield name
    world.sm.delete_endpoint(EndpointName=name)


@pytest.fixture(scope="module")
def defaults(world):
    """An endpoint whose script has only model_fn."""
    name = world.deploy(SCIKIT_LEARN, archive(world, DEFAULTS), script_environment())
    in_service(world, name)
    yield name
    world.sm.delete_endpoint(EndpointName=name)


def spaced(rows):
    return ";".join(" ".join(map(str, row)) for row in rows)


def ask(world, endpoint, rows, **options):
    answer = world.invoke(endpoint, spaced(rows), "application/x-rows", **options)
    return json.loads(answer["Body"].read())


def test_all_four_functions(world, custom):
    answer = world.invoke(custom, spaced(world.rows), "application/x-rows", "application/x-wish")
    assert answer["ContentType"] == "application/x-answer" and answer["InvokedProductionVariant"] == "AllTraffic"
    found = json.loads(answer["Body"].read())
    assert numpy.allclose(found["scores"], world.expected)
    assert found["accept"] == "application/x-wish" and found["greeting"] == "good day"
    if os.geteuid() == 0:
        assert found["uid"] != 0


def test_an_exception_reaches_the_client(world, custom):
    with aws_error("ModelError", 424) as raised:
        ask(world, custom, [[1.0, 2.0]])
    error = raised.value.response
    assert error["OriginalStatusCode"] == 500
    assert "RuntimeError: expected 3 features, got 2" in error["OriginalMessage"]
    assert "predict_fn" in error["OriginalMessage"]
    assert error["LogStreamArn"].split(":log-group:")[1].startswith(f"/aws/sagemaker/Endpoints/{custom}")
    with aws_error("ModelError", 424) as raised:
        world.invoke(custom, "1,2,3", "text/csv")
    assert "input_fn does not take text/csv" in raised.value.response["OriginalMessage"]
    assert ask(world, custom, world.rows)["scores"]  # it continues to work


def test_logs(world, custom):
    group = f"/aws/sagemaker/Endpoints/{custom}"
    wait_until(lambda: "loading from /opt/ml/model" in world.log_text(group, "AllTraffic/"), 10)
    with aws_error("ModelError"):
        ask(world, custom, [[1.0]])
    wait_until(lambda: "expected 3 features, got 1" in world.log_text(group, "AllTraffic/"), 10)


def test_many_callers_get_their_own_answers(world, custom):
    rows = numpy.random.default_rng(6).normal(size=(8, 10, 3)).round(3)
    wrong = []

    def call(mine):
        for row in mine:
            score = ask(world, custom, [row])["scores"][0]
            if abs(score - world.model.predict_proba([row])[0, 1]) > 1e-9:
                wrong.append((row, score))
    threads = [threading.Thread(target=call, args=(mine,)) for mine in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("kind", ["text/csv", "application/json", "application/jsonlines", "application/x-npy"])
def test_default_input(world, defaults, kind):
    stream = io.BytesIO()
    numpy.save(stream, world.rows)
    body = {"text/csv": "\n".join(",".join(map(str, row)) for row in world.rows),
            "application/json": json.dumps(world.rows.tolist()),
            "application/jsonlines": "\n".join(json.dumps(row.tolist()) for row in world.rows),
            "application/x-npy": stream.getvalue()}[kind]
    answer = world.invoke(defaults, body, kind, "application/json")
    assert answer["ContentType"].startswith("application/json")
    assert json.loads(answer["Body"].read()) == world.model.predict(world.rows).tolist()


@pytest.mark.parametrize("accept", ["text/csv", "application/json", "application/jsonlines", "application/x-npy", "*/*"])
def test_default_output(world, defaults, accept):
    answer = world.invoke(defaults, json.dumps(world.rows.tolist()), "application/json", accept)
    body = answer["Body"].read()
    if accept == "*/*":
        accept = "application/json"
    assert answer["ContentType"].startswith(accept)
    if accept == "application/x-npy":
        found = numpy.load(io.BytesIO(body)).tolist()
    elif accept == "application/json":
        found = json.loads(body)
    else:
        found = [int(value) for value in body.split()]
    assert found == world.model.predict(world.rows).tolist()


def test_types_that_the_defaults_do_not_know(world, defaults):
    with aws_error("ModelError", 424) as raised:
        world.invoke(defaults, b"x", "image/png")
    assert raised.value.response["OriginalStatusCode"] == 415 and "image/png" in raised.value.response["OriginalMessage"]
    with aws_error("ModelError", 424) as raised:
        world.invoke(defaults, "1,2,3", "text/csv", "image/png")
    assert raised.value.response["OriginalStatusCode"] == 406


def test_broken_csv_names_row_and_column(world, defaults):
    with aws_error("ModelError", 424) as raised:
        world.invoke(defaults, "1,2,3\n1,oops,3", "text/csv")
    assert "row 2, column 2" in raised.value.response["OriginalMessage"]


def test_describe_and_list(world, defaults):
    found = world.sm.describe_endpoint(EndpointName=defaults)
    variant = found["ProductionVariants"][0]
    assert variant["VariantName"] == "AllTraffic" and variant["CurrentWeight"] == 1.0
    assert variant["CurrentInstanceCount"] == variant["DesiredInstanceCount"] == 1
    assert variant["DeployedImages"][0]["SpecifiedImage"] == SCIKIT_LEARN
    assert found["EndpointArn"].endswith(f":endpoint/{defaults}")
    listed = world.sm.list_endpoints(NameContains=defaults, StatusEquals="InService")["Endpoints"]
    assert [each["EndpointName"] for each in listed] == [defaults]


def test_a_model_fn_that_fails(world):
    name = world.deploy(SCIKIT_LEARN, archive(world, (
        "def model_fn(model_dir):\n    return load(model_dir)\n\n\n"
        "def load(folder):\n    raise OSError(f'no weights in {folder}')\n")), script_environment())
    found = world.settled(name)
    assert found["EndpointStatus"] == "Failed"
    assert "OSError: no weights in /opt/ml/model" in found["FailureReason"]
    reason = found["FailureReason"]
    assert reason.index("OSError: no weights") < reason.index("Traceback") < reason.index("in load") and "tidemill_serving" not in reason, reason
    with aws_error("ValidationError", 400):
        world.invoke(name, "1,2,3")
    assert "no weights" in world.log_text(f"/aws/sagemaker/Endpoints/{name}", "AllTraffic/")
    world.sm.delete_endpoint(EndpointName=name)


@pytest.mark.parametrize("files, environment, words", [
    ({}, {}, "model_fn"),
    ({"code/inference.py": "import not_installed_anywhere\n"}, {}, "not_installed_anywhere"),
    ({"code/inference.py": DEFAULTS}, {"SAGEMAKER_PROGRAM": "other.py"}, "other.py"),
    ({"code/inference.py": DEFAULTS}, {}, "model.joblib")])
def test_other_failures_say_what_is_missing(world, files, environment, words):
    data = world.put(f"{unique('model')}/model.tar.gz", tar_gz({"readme.txt": "nothing", **files}))
    name = world.deploy(SCIKIT_LEARN, data, environment)
    found = world.settled(name)
    assert found["EndpointStatus"] == "Failed" and words in found["FailureReason"]
    world.sm.delete_endpoint(EndpointName=name)


def test_model_data_that_is_not_there(world):
    with aws_error("ValidationException", 400, "none/model.tar.gz"):
        world.deploy(SCIKIT_LEARN, f"s3://{world.bucket}/none/model.tar.gz", script_environment())
    data = archive(world, DEFAULTS)
    name = unique("endpoint")
    world.make_config(name, SCIKIT_LEARN, data, script_environment())
    world.s3.delete_object(Bucket=world.bucket, Key=data.split("/", 3)[3])
    world.sm.create_endpoint(EndpointName=name, EndpointConfigName=name)
    found = world.settled(name)
    assert found["EndpointStatus"] == "Failed" and data in found["FailureReason"]
    world.sm.delete_endpoint(EndpointName=name)


def test_inference_code_from_s3(world):
    """The request of the SDK's SKLearnModel: the model, and the code in a separate archive."""
    data = world.put(f"{unique('model')}/model.tar.gz", tar_gz({"model.joblib": world.model_file}))
    code = world.put(f"{unique('model')}/sourcedir.tar.gz", tar_gz({"serve_it.py": DEFAULTS}))
    name = world.deploy(SCIKIT_LEARN, data, {"SAGEMAKER_PROGRAM": "serve_it.py", "SAGEMAKER_SUBMIT_DIRECTORY": code})
    in_service(world, name)
    answer = world.invoke(name, json.dumps(world.rows.tolist()), "application/json")
    assert json.loads(answer["Body"].read()) == world.model.predict(world.rows).tolist()
    world.sm.delete_endpoint(EndpointName=name)


def test_xgboost_model_with_a_script(world):
    script = ("import xgboost\n\n\ndef model_fn(model_dir):\n    booster = xgboost.Booster()\n"
              "    booster.load_model(model_dir + '/xgboost-model')\n    return booster\n\n\n"
              "def output_fn(prediction, accept):\n    return ','.join(f'{v:.3f}' for v in prediction), 'text/x-mine'\n")
    import xgboost
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(world.rows, [0, 1, 0, 1]), 3)
    data = world.put(f"{unique('model')}/model.tar.gz", tar_gz(
        {"xgboost-model": bytes(booster.save_raw("json")), "code/inference.py": script}))
    name = world.deploy(XGBOOST, data, script_environment())
    in_service(world, name)
    answer = world.invoke(name, "\n".join(",".join(map(str, row)) for row in world.rows))
    assert answer["ContentType"] == "text/x-mine"
    found = [float(value) for value in answer["Body"].read().split(b",")]
    assert numpy.allclose(found, booster.predict(xgboost.DMatrix(world.rows)), atol=1e-3)
    world.sm.delete_endpoint(EndpointName=name)


def test_any_executable_that_keeps_the_contract(world):
    data = world.put(f"{unique('model')}/model.tar.gz", tar_gz({"code/server": PROGRAM}))
    name = world.deploy(SCIKIT_LEARN, data, {"SAGEMAKER_PROGRAM": "server"})
    in_service(world, name)
    answer = world.invoke(name, b"abc", "application/x-anything")
    assert answer["Body"].read() == b"cba serve" and answer["ContentType"] == "application/x-anything"
    with aws_error("ModelError", 424, "i am a teapot") as raised:
        world.invoke(name, b"teapot")
    assert raised.value.response["OriginalStatusCode"] == 418
    assert raised.value.response["OriginalMessage"] == "i am a teapot"
    world.sm.delete_endpoint(EndpointName=name)


def test_a_model_server_that_dies_is_started_again(world, custom):
    first = ask(world, custom, world.rows)["pid"]
    with aws_error("ModelError", 424) as raised:
        ask(world, custom, [[-666.0, 0.0, 0.0]])
    assert "ended with exit code 7" in raised.value.response["OriginalMessage"]

    def again():
        try:
            return ask(world, custom, world.rows)["pid"]
        except ClientError:
            return None
    assert wait_until(again, 20, 0.1) != first
    assert world.sm.describe_endpoint(EndpointName=custom)["EndpointStatus"] == "InService"


def test_update_endpoint_answers_all_the_time(world):
    name = world.deploy(SCIKIT_LEARN, archive(world, CUSTOM), script_environment(GREETING="old"))
    in_service(world, name)
    world.make_config(name + "-new", SCIKIT_LEARN, archive(world, CUSTOM), script_environment(GREETING="new"))
    greetings, stop = [], threading.Event()

    def call():
        while not stop.is_set():
            greetings.append(ask(world, name, world.rows[:1])["greeting"])
    caller = threading.Thread(target=call)
    caller.start()
    try:
        world.sm.update_endpoint(EndpointName=name, EndpointConfigName=name + "-new")
        assert world.sm.describe_endpoint(EndpointName=name)["EndpointStatus"] in ("Updating", "InService")
        found = in_service(world, name)
        wait_until(lambda: greetings[-1] == "new", 10)
    finally:
        stop.set()
        caller.join()
    assert found["EndpointConfigName"] == name + "-new"
    assert greetings[0] == "old" and greetings == sorted(greetings, reverse=True)  # never back to the old one

    broken = world.put(f"{unique('model')}/model.tar.gz", tar_gz({"code/inference.py": "1 / 0\n"}))
    world.make_config(name + "-broken", SCIKIT_LEARN, broken, script_environment())
    world.sm.update_endpoint(EndpointName=name, EndpointConfigName=name + "-broken")
    found = world.settled(name)
    assert "ZeroDivisionError" in found["FailureReason"]
    assert found["EndpointStatus"] == "InService" and found["EndpointConfigName"] == name + "-new"
    assert ask(world, name, world.rows[:1])["greeting"] == "new"
    world.sm.delete_endpoint(EndpointName=name)


def test_delete_ends_the_model_server(world):
    name = world.deploy(SCIKIT_LEARN, archive(world, CUSTOM), script_environment())
    in_service(world, name)
    pid = ask(world, name, world.rows)["pid"]
    assert alive(pid)
    world.sm.delete_endpoint(EndpointName=name)
    wait_until(lambda: not alive(pid), 20)

    def gone():
        try:
            world.sm.describe_endpoint(EndpointName=name)
        except ClientError as error:
            return "Could not find" in error.response["Error"]["Message"]
    wait_until(gone, 20)
    with aws_error("ValidationError", 400):
        ask(world, name, world.rows)


def test_endpoint_outlives_its_server():
    with Server(auth="verify") as server:
        world = World(server)
        world.model, world.model_file, world.rows = fitted()
        name = world.deploy(SCIKIT_LEARN, archive(world, CUSTOM), script_environment())
        in_service(world, name)
        before = ask(world, name, world.rows)
        server.kill()
        assert alive(before["pid"])
        server.start()
        began = time.monotonic()
        after = wait_until(lambda: ask(world, name, world.rows), 10)
        assert after["server"] == before["server"] and after["scores"] == before["scores"]
        assert time.monotonic() - began < 5
        # The restarted server is in control: the endpoint's log lines arrive, and deleting the endpoint ends it.
        with aws_error("ModelError"):
            ask(world, name, [[4.0]])
        wait_until(lambda: "got 1" in world.log_text(f"/aws/sagemaker/Endpoints/{name}", "AllTraffic/"), 10)
        world.sm.delete_endpoint(EndpointName=name)
        wait_until(lambda: not alive(before["pid"]), 20)


def test_endpoint_under_construction_when_the_server_dies():
    with Server(auth="verify") as server:
        world = World(server)
        world.model, world.model_file, world.rows = fitted()
        name = world.deploy(SCIKIT_LEARN, archive(world, "import time\ntime.sleep(1)\n" + CUSTOM), script_environment())
        time.sleep(0.3)
        server.kill()
        server.start()
        in_service(world, name)
        assert len(ask(world, name, world.rows)["scores"]) == len(world.rows)
        world.sm.delete_endpoint(EndpointName=name)
