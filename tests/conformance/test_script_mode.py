"""Training jobs that run a user's Python script: what the script sees, and what can be seen of it.

What happens to a script that ignores SIGTERM (SIGKILL after 120 s) is tested in compute/process, with a short
grace period.
"""
import io
import json
import os
import time
import zipfile

import numpy
import pytest

from helpers import aws_error, unique, wait_until
from sagemaker_world import PYTORCH_TRAINING, SCIKIT_LEARN, XGBOOST, World, make_role

REPORT = """
import argparse, json, os, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--learning-rate", type=float)
parser.add_argument("--label")
parser.add_argument("--server-pid", type=int)
parser.add_argument("--secret")
arguments = parser.parse_args()


def attempt(action):
    try:
        return str(action())
    except Exception as error:
        return type(error).__name__


def files(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


ml = pathlib.Path("/opt/ml")
report = {
    "arguments": vars(arguments), "directory": os.getcwd(), "uid": os.getuid(),
    "environment": dict(os.environ),
    "config": {name: json.loads(text) for name, text in files(ml / "input/config").items()},
    "train": files(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])),
    "extra": files(ml / "input/data/extra"),
    "beside": __import__("helper").VALUE,
    "reads the server's key": attempt(lambda: open(arguments.secret).read()),
    "signals the server": attempt(lambda: os.kill(arguments.server_pid, 0)),
    "writes to /etc": attempt(lambda: open("/etc/tidemill-test", "w")),
    "other jobs": sorted(os.listdir(ml)),
}
pathlib.Path(os.environ["SM_MODEL_DIR"], "report.json").write_text(json.dumps(report))
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "notes.txt").write_text("a note")
for epoch in range(arguments.epochs):
    print(f"epoch {epoch} loss={1 / (epoch + 1):.3f}; validation:f1 {0.5 + epoch / 10}")
print("a warning", file=sys.stderr)
"""

WAITS = """
import os, pathlib, signal, sys, time
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
model.joinpath("started.txt").write_text("started")


def stop(number, frame):
    print(f"caught signal {number}", flush=True)
    model.joinpath("stopped.txt").write_text("stopped in time")
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
print("ready to be stopped")
time.sleep(100)
"""


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(scope="module")
def reported(world, server):
    """Runs one job that inspects its container; returns the job and its report."""
    world.put("data/a.csv", "1,2\n")
    world.put("data/deep/b.csv", "3,4\n")
    world.put("extra/c.txt", "c")
    job = world.run(
        REPORT, {"epochs": "3", "learning-rate": "0.25", "label": '"churn"', "server-pid": str(server.process.pid),
                 "secret": f'"{server.data}/root-key.json"'},
        files={"helper.py": "VALUE = 'imported'\n"},
        InputDataConfig=[world.channel("train", "data/"), world.channel("extra", "extra/c.txt")],
        Environment={"MY_VARIABLE": "mine", "SPACED": "two words = 1"},
        AlgorithmSpecification={
            "TrainingImage": SCIKIT_LEARN, "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=([0-9.]+);"},
                                  {"Name": "validation:f1", "Regex": r"validation:f1 ([0-9.]+)"},
                                  {"Name": "never", "Regex": r"never=([0-9.]+)"}]})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job, json.loads(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["report.json"])


def test_hyperparameters_become_arguments(reported):
    _, report = reported
    assert report["arguments"]["epochs"] == 3
    assert report["arguments"]["learning_rate"] == 0.25
    assert report["arguments"]["label"] == "churn"
    hyperparameters = json.loads(report["environment"]["SM_HPS"])
    assert hyperparameters["epochs"] == 3 and hyperparameters["label"] == "churn"
    assert report["environment"]["SM_HP_EPOCHS"] == "3"
    assert report["environment"]["SM_HP_LABEL"] == "churn"
    assert "--epochs" in json.loads(report["environment"]["SM_USER_ARGS"])


def test_sm_environment(reported):
    job, report = reported
    environment = report["environment"]
    assert environment["SM_MODEL_DIR"] == "/opt/ml/model"
    assert environment["SM_OUTPUT_DATA_DIR"] == "/opt/ml/output/data"
    assert environment["SM_CHANNEL_TRAIN"] == "/opt/ml/input/data/train"
    assert environment["SM_CHANNEL_EXTRA"] == "/opt/ml/input/data/extra"
    assert json.loads(environment["SM_CHANNELS"]) == ["extra", "train"]
    assert json.loads(environment["SM_HOSTS"]) == ["algo-1"] and environment["SM_CURRENT_HOST"] == "algo-1"
    assert int(environment["SM_NUM_CPUS"]) >= 1
    assert environment["SM_NUM_GPUS"] == "0" and environment["SM_NUM_NEURONS"] == "0"
    assert environment["SM_USER_ENTRY_POINT"] == "train.py" and environment["SM_MODULE_NAME"] == "train"
    training = json.loads(environment["SM_TRAINING_ENV"])
    assert training["job_name"] == job["TrainingJobName"]
    assert training["channel_input_dirs"]["train"] == "/opt/ml/input/data/train"
    assert environment["TRAINING_JOB_NAME"] == job["TrainingJobName"]
    assert environment["TRAINING_JOB_ARN"] == job["TrainingJobArn"]
    assert environment["AWS_REGION"] == "us-east-1"
    assert environment["MY_VARIABLE"] == "mine" and environment["SPACED"] == "two words = 1"


def test_container_contract(reported):
    job, report = reported
    assert report["directory"] == "/opt/ml/code" and report["beside"] == "imported"
    assert report["train"] == {"a.csv": "1,2\n", "deep/b.csv": "3,4\n"}
    assert report["extra"] == {"c.txt": "c"}
    config = report["config"]
    assert config["hyperparameters.json"] == job["HyperParameters"]
    assert config["resourceconfig.json"]["current_host"] == "algo-1"
    assert config["resourceconfig.json"]["hosts"] == ["algo-1"]
    assert config["resourceconfig.json"]["current_instance_type"] == "ml.m5.large"
    assert config["inputdataconfig.json"]["train"]["TrainingInputMode"] == "File"


def test_user_code_has_no_power_over_the_host(reported):
    _, report = reported
    if os.geteuid() == 0:
        assert report["uid"] != 0
        assert report["reads the server's key"] in ("PermissionError", "FileNotFoundError")
        assert report["signals the server"] in ("PermissionError", "ProcessLookupError")
    assert report["writes to /etc"] in ("PermissionError", "OSError", "FileNotFoundError")
    assert not {"PATH", "HOME"} - set(report["environment"])
    assert not [name for name in report["environment"] if name.startswith("TIDEMILL_") and "KEY" in name]


def test_metrics_by_regular_expression(reported):
    job, _ = reported
    metrics = {metric["MetricName"]: metric for metric in job["FinalMetricDataList"]}
    assert set(metrics) == {"loss", "validation:f1"}
    assert metrics["loss"]["Value"] == pytest.approx(0.333) and metrics["validation:f1"]["Value"] == pytest.approx(0.7)
    assert metrics["loss"]["Timestamp"] >= job["CreationTime"]


def test_outputs_are_uploaded(world, reported):
    job, _ = reported
    name = job["TrainingJobName"]
    assert set(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"report.json"}
    output = world.unpack(f"s3://{world.bucket}/output/{name}/output/output.tar.gz")
    assert {path.rsplit("/", 1)[-1]: text for path, text in output.items()} == {"notes.txt": b"a note"}


def test_log_has_both_streams_in_one(world, reported):
    job, _ = reported
    text = world.job_log(job["TrainingJobName"])
    assert "epoch 2 loss=0.333" in text and "a warning" in text
    assert "python" in text and "train.py" in text  # the command that ran


def test_stop_reaches_the_script_and_keeps_what_it_wrote(world):
    name = world.start(WAITS)
    wait_until(lambda: "ready to be stopped" in world.job_log(name), 20)  # streamed while it runs, not only at the end
    job = world.sm.list_training_jobs(NameContains=name)["TrainingJobSummaries"][0]
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("InProgress", "Training")
    began = time.monotonic()
    world.sm.stop_training_job(TrainingJobName=name)
    assert world.sm.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in ("Stopping", "Stopped")
    job = world.finished(name)
    assert time.monotonic() - began < 20
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    files = world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])
    assert files == {"started.txt": b"started", "stopped.txt": b"stopped in time"}
    assert world.job_log(name).count("caught signal 15") == 1
    states = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert states[:3] == ["Starting", "Downloading", "Training"] and states[-1] == "Stopped" and "Stopping" in states
    with aws_error("ValidationException", 400):
        world.sm.stop_training_job(TrainingJobName=name)


def test_max_runtime(world):
    job = world.run(WAITS, StoppingCondition={"MaxRuntimeInSeconds": 3})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "stopped.txt" in world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])
    assert 2 < (job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds() < 20


def test_a_raised_exception_is_the_failure_reason(world):
    job = world.run("def read(path):\n"
                    "    raise ValueError(f'no column churn in {path}')\n\n"
                    "print('starting')\n"
                    "read('customers.csv')\n")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    reason = job["FailureReason"]
    assert reason.startswith("AlgorithmError: ")
    assert "ValueError: no column churn in customers.csv" in reason
    assert "Traceback" in reason and "in read" in reason  # the message, and where it happened
    assert reason.endswith("exit code: 1") and len(reason) < 1200
    assert "ValueError: no column churn" in world.job_log(job["TrainingJobName"])


def test_exit_code(world):
    job = world.run("import sys\nprint('giving up', file=sys.stderr)\nsys.exit(3)\n")
    assert job["TrainingJobStatus"] == "Failed"
    assert "giving up" in job["FailureReason"] and job["FailureReason"].endswith("exit code: 3")


def test_the_scripts_own_failure_file_wins(world):
    job = world.run("import sys\nopen('/opt/ml/output/failure', 'w').write('too few customers')\nsys.exit(1)\n")
    assert job["TrainingJobStatus"] == "Failed" and "too few customers" in job["FailureReason"]


def test_syntax_errors_and_missing_modules(world):
    job = world.run("import not_installed_anywhere\n")
    assert "No module named 'not_installed_anywhere'" in job["FailureReason"]
    assert "setting --python" in job["FailureReason"] and "'Running it'" in job["FailureReason"]
    job = world.run("for:\n")
    assert "SyntaxError" in job["FailureReason"]


@pytest.mark.parametrize("program, words", [("other.py", "other.py"), ("", "sagemaker_program")])
def test_a_program_that_is_not_there(world, program, words):
    name = unique("script")
    request = world.job_request(name, program, {"train.py": "pass"})
    if not program:
        del request["HyperParameters"]["sagemaker_program"]
    world.sm.create_training_job(**request)
    job = world.finished(name)
    assert job["TrainingJobStatus"] == "Failed" and words in job["FailureReason"]


def test_source_that_cannot_be_read(world):
    name = unique("script")
    request = world.job_request(name, "train.py", {"train.py": "pass"})
    request["HyperParameters"]["sagemaker_submit_directory"] = json.dumps(f"s3://{world.bucket}/none/sourcedir.tar.gz")
    world.sm.create_training_job(**request)
    job = world.finished(name)
    assert job["TrainingJobStatus"] == "Failed" and "none/sourcedir.tar.gz" in job["FailureReason"]
    assert "NoSuchKey" in job["FailureReason"]


def wheel():
    """A hand-made wheel: the package tidemill_test_package, version 1.0."""
    stream = io.BytesIO()
    info = "tidemill_test_package-1.0.dist-info"
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("tidemill_test_package.py", "VALUE = 'from the wheel'\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tidemill-test-package\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
                                          "Tag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "tidemill_test_package.py,,\n" +
                         "".join(f"{info}/{name},,\n" for name in ("METADATA", "WHEEL", "RECORD")))
    return stream.getvalue()


def test_requirements_are_installed(world):
    file = "tidemill_test_package-1.0-py3-none-any.whl"
    job = world.run("import tidemill_test_package, sklearn\nprint('got', tidemill_test_package.VALUE)\n",
                    files={file: wheel(), "requirements.txt": f"./{file}\n"})
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert "got from the wheel" in world.job_log(job["TrainingJobName"])


def test_requirements_that_are_there_cost_nothing(world):
    job = world.run("import numpy\nprint('numpy is here')\n", files={"requirements.txt": "numpy>=1\n# a note\n"})
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert "numpy is here" in world.job_log(job["TrainingJobName"])


def test_requirements_that_cannot_be_met(world):
    job = world.run("pass", files={"requirements.txt": "./not-there-1.0-py3-none-any.whl\n"})
    assert job["TrainingJobStatus"] == "Failed"
    assert "requirements.txt" in job["FailureReason"] and "not-there" in job["FailureReason"]


def test_checkpoints_carry_over(world):
    script = ("import os\n"
              "folder = '/opt/ml/checkpoints'\n"
              "found = sorted(os.listdir(folder))\n"
              "print('found', found)\n"
              "open(f'{folder}/epoch-{len(found)}', 'w').write('weights')\n")
    config = {"S3Uri": f"s3://{world.bucket}/checkpoints/one", "LocalPath": "/opt/ml/checkpoints"}
    assert world.run(script, CheckpointConfig=config)["TrainingJobStatus"] == "Completed"
    assert world.read(f"{config['S3Uri']}/epoch-0") == b"weights"
    job = world.run(script, CheckpointConfig=config)
    assert "found ['epoch-0']" in world.job_log(job["TrainingJobName"])
    assert world.read(f"{config['S3Uri']}/epoch-1") == b"weights"


def test_a_jobs_credentials_are_its_roles(world):
    script = ("import boto3, json, os\n"
              "print('i am', boto3.client('sts').get_caller_identity()['Arn'])\n"
              "boto3.client('s3').put_object(Bucket=os.environ['BUCKET'], Key='from-the-job', Body=b'yes')\n"
              "for name, call in (('roles', lambda: boto3.client('iam').list_roles()),\n"
              "                   ('bucket', lambda: boto3.client('s3').create_bucket(Bucket='not-allowed'))):\n"
              "    try:\n"
              "        call()\n"
              "        print(name, 'allowed')\n"
              "    except Exception as error:\n"
              "        print(name, error.response['Error']['Code'])\n")
    job = world.run(script, Environment={"BUCKET": world.bucket})
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    text = world.job_log(job["TrainingJobName"])
    role = world.role.rsplit("/", 1)[1]
    assert f":assumed-role/{role}/" in text
    assert world.read(f"s3://{world.bucket}/from-the-job") == b"yes"
    assert "roles AccessDenied" in text and "bucket AccessDenied" in text


def test_a_role_that_may_not_read_the_source(world):
    role = make_role(world.iam, [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}])
    job = world.run("pass", RoleArn=role)
    assert job["TrainingJobStatus"] == "Failed" and "AccessDenied" in job["FailureReason"]
    assert "sourcedir.tar.gz" in job["FailureReason"]


def test_two_jobs_at_once_see_only_their_own_folders(world):
    script = ("import json, os, pathlib, time\n"
              "began = time.time()\n"
              "model = pathlib.Path('/opt/ml/model')\n"
              "model.joinpath(os.environ['TRAINING_JOB_NAME']).write_text('mine')\n"
              "time.sleep(2)\n"
              "seen = sorted(path.name for path in model.iterdir())\n"
              "model.joinpath('seen.json').write_text(json.dumps([seen, began, time.time()]))\n")
    names = [world.start(script) for _ in range(2)]
    spans = []
    for name in names:
        job = world.finished(name)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        seen, began, ended = json.loads(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["seen.json"])
        assert seen == [name]
        spans.append((began, ended))
    assert max(span[0] for span in spans) < min(span[1] for span in spans)  # they overlapped


def test_xgboost_in_script_mode(world):
    script = ("import numpy, os, xgboost\n"
              "rows = numpy.loadtxt(os.environ['SM_CHANNEL_TRAIN'] + '/a.csv', delimiter=',')\n"
              "model = xgboost.train({'max_depth': 2, 'objective': 'reg:squarederror'},\n"
              "                      xgboost.DMatrix(rows[:, 1:], rows[:, 0]), 5)\n"
              "model.save_model(os.environ['SM_MODEL_DIR'] + '/xgboost-model')\n")
    x = numpy.random.default_rng(1).normal(size=(60, 3))
    rows = "\n".join(",".join(map(str, [row.sum(), *row])) for row in x)
    world.put("xgboost/a.csv", rows)
    name = unique("script")
    world.sm.create_training_job(**world.job_request(
        name, "train.py", {"train.py": script}, image=XGBOOST, InputDataConfig=[world.channel("train", "xgboost/")]))
    job = world.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    import xgboost
    booster = xgboost.Booster()
    booster.load_model(bytearray(world.unpack(job["ModelArtifacts"]["S3ModelArtifacts"])["xgboost-model"]))
    assert booster.num_boosted_rounds() == 5


def test_pytorch_image_runs_a_script(world):
    name = unique("script")
    world.sm.create_training_job(**world.job_request(
        name, "train.py", {"train.py": "print('hello from the script')\n"}, image=PYTORCH_TRAINING))
    job = world.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    assert "hello from the script" in world.job_log(name)


def test_shell_scripts_and_packages_are_programs_too(world):
    for program, files in (("run.sh", {"run.sh": "#!/bin/sh\necho shell \"$@\"\n"}),
                           ("pack", {"pack/__main__.py": "import sys\nprint('package', *sys.argv[1:])\n"})):
        name = unique("script")
        world.sm.create_training_job(**world.job_request(name, program, files, {"epochs": "2"}))
        job = world.finished(name)
        assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
        assert ("shell" if program == "run.sh" else "package") + " --epochs 2" in world.job_log(name)


def test_an_unknown_image_names_the_known_ones(world):
    with aws_error("ValidationException", 400, "sagemaker-scikit-learn") as raised:
        world.sm.create_training_job(**world.job_request(
            unique("script"), "train.py", {"train.py": "pass"},
            image="123456789012.dkr.ecr.us-east-1.amazonaws.com/mystery:1"))
    assert "mystery" in raised.value.response["Error"]["Message"]
