"""Runs tidemill_training on small scripts below a folder that stands for /opt/ml."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import unittest.mock

RUNTIME = pathlib.Path(__file__).resolve().parent.parent


class TrainingTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        for name in ("input/config", "input/data/train", "code"):
            (self.root / name).mkdir(parents=True)
        self.write("input/config/resourceconfig.json",
                   {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"})
        self.write("input/config/inputdataconfig.json", {"train": {"TrainingInputMode": "File"}})

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, content):
        path = self.root / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    def hyperparameters(self, **values):
        self.write("input/config/hyperparameters.json",
                   {name: json.dumps(value) for name, value in values.items()})

    def start(self):
        environment = {**os.environ, "TIDEMILL_ML_ROOT": str(self.root), "PYTHONPATH": str(RUNTIME)}
        return subprocess.Popen([sys.executable, "-u", "-m", "tidemill_training"], env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run_job(self):
        process = self.start()
        out, errors = process.communicate(timeout=60)
        return process.returncode, out, errors

    def failure(self):
        return (self.root / "output/failure").read_text()

    def test_a_script_that_fails_for_want_of_the_network_is_told_whose_doing_it_is(self):
        self.hyperparameters(sagemaker_program="train.py")
        self.write("code/train.py", "raise OSError('Tunnel connection failed: 403 Forbidden')\n")
        for network, said in (("isolated", "--tunnel jobs"), ("none", "EnableNetworkIsolation"), ("host", None)):
            (self.root / "output/failure").unlink(missing_ok=True)
            with unittest.mock.patch.dict(os.environ, {"TIDEMILL_JOB_NETWORK": network}):
                self.assertEqual(self.run_job()[0], 1)
            self.assertIn('ErrorMessage "OSError: Tunnel connection failed: 403 Forbidden"', self.failure())
            for words in ("--tunnel jobs", "EnableNetworkIsolation"):
                self.assertEqual(words in self.failure(), words == said, self.failure())

    def test_a_process_that_the_script_leaves_is_not_waited_for(self):
        self.hyperparameters(sagemaker_program="train.py")
        self.write("code/train.py", """
import subprocess, sys
print("the last word", file=sys.stderr, flush=True)
subprocess.Popen(["sleep", "30"], start_new_session=True)
sys.exit(4)
""")
        process, began = self.start(), time.monotonic()
        self.assertEqual(process.wait(25), 4)
        self.assertLess(time.monotonic() - began, 25)
        self.assertIn("the last word", self.failure())
        process.stdout.close()
        process.stderr.close()

    def test_script_sees_arguments_and_environment(self):
        self.hyperparameters(sagemaker_program="train.py", epochs=3, name="a b", nested={"k": 1})
        self.write("code/train.py", """
import json, os, sys
open(os.environ["SM_MODEL_DIR"] + "/seen.json", "w").write(json.dumps(
    {"argv": sys.argv[1:], "channel": os.environ["SM_CHANNEL_TRAIN"], "hp": os.environ["SM_HP_EPOCHS"],
     "hps": json.loads(os.environ["SM_HPS"]), "channels": json.loads(os.environ["SM_CHANNELS"]),
     "entry": os.environ["SM_USER_ENTRY_POINT"], "args": json.loads(os.environ["SM_USER_ARGS"])}))
""")
        code, out, errors = self.run_job()
        self.assertEqual(code, 0, errors)
        seen = json.loads((self.root / "model/seen.json").read_text())
        self.assertEqual(seen["argv"], ["--epochs", "3", "--name", "a b", "--nested", "k=1"])
        self.assertEqual(seen["args"], seen["argv"])
        self.assertEqual(seen["channel"], str(self.root / "input/data/train"))
        self.assertEqual(seen["hp"], "3")
        self.assertEqual(seen["hps"], {"epochs": 3, "name": "a b", "nested": {"k": 1}})
        self.assertEqual(seen["channels"], ["train"])
        self.assertEqual(seen["entry"], "train.py")

    def test_failure_holds_the_traceback_and_the_exit_code(self):
        self.hyperparameters(sagemaker_program="train.py")
        self.write("code/train.py", "print('before', flush=True)\nraise ValueError('no such column: churn')\n")
        code, out, errors = self.run_job()
        self.assertEqual(code, 1)
        self.assertIn("before", out)
        self.assertIn("ValueError: no such column: churn", errors)
        text = self.failure()
        self.assertTrue(text.startswith("ExecuteUserScriptError:\nExitCode 1\n"
                                        'ErrorMessage "ValueError: no such column: churn"'), text)
        self.assertIn("Traceback (most recent call last):", text)
        self.assertLessEqual(len(text), 1024)

    def test_exit_code_is_the_scripts(self):
        self.hyperparameters(sagemaker_program="train.sh")
        self.write("code/train.sh", "#!/bin/sh\necho $1 $2\nexit 7\n")
        self.assertEqual(self.run_job()[0], 7)

    def test_missing_script_is_named(self):
        self.hyperparameters(sagemaker_program="other.py")
        code, _, _ = self.run_job()
        self.assertEqual(code, 1)
        self.assertIn("ClientError: the script other.py is not in", self.failure())

    def test_unpacks_the_source_archive(self):
        archive = self.root / "sourcedir.tar.gz"
        (self.root / "train.py").write_text("print('unpacked')")
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(self.root / "train.py", "train.py")
        self.hyperparameters(sagemaker_program="train.py", sagemaker_submit_directory=str(archive))
        code, out, errors = self.run_job()
        self.assertEqual(code, 0, errors)
        self.assertIn("unpacked", out)

    def test_archive_cannot_leave_its_folder(self):
        archive = self.root / "sourcedir.tar.gz"
        (self.root / "evil").write_text("x")
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(self.root / "evil", "../../escaped.py")
        self.hyperparameters(sagemaker_program="train.py", sagemaker_submit_directory=str(archive))
        self.assertEqual(self.run_job()[0], 1)
        self.assertFalse((self.root.parent / "escaped.py").exists())

    def test_termination_reaches_the_script_once(self):
        self.hyperparameters(sagemaker_program="train.py")
        self.write("code/train.py", """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda n, f: (print("saving", flush=True), sys.exit(0)))
print("ready", flush=True)
time.sleep(30)
""")
        process = self.start()
        for line in process.stdout:
            if line.strip() == "ready":
                break
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(out.count("saving"), 1)
        self.assertLess(time.monotonic() - began, 5)

    def test_met_requirements_are_not_installed_again(self):
        self.hyperparameters(sagemaker_program="train.py")
        self.write("code/requirements.txt", "pip>=1  # surely there\n")
        self.write("code/train.py", "pass")
        code, out, errors = self.run_job()
        self.assertEqual(code, 0, errors)
        self.assertIn("everything is installed already", out)


if __name__ == "__main__":
    unittest.main()
