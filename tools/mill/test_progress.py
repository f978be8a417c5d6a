"""The first build says what it will take and shows its progress in percent; what compilers say comes through."""
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Progress(unittest.TestCase):
    def bash(self, text, input="", cwd=ROOT):
        prelude = f"root={ROOT}; source {ROOT}/tools/mill/common.sh; source {ROOT}/tools/mill/build.sh; "
        done = subprocess.run(["bash", "-c", prelude + text], cwd=cwd, input=input, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_percent_in_steps_of_five(self):
        lines = [f"@{percent:3d}% [{percent}/100] Building CXX object a.cc.o" for percent in range(101)]
        lines.insert(50, "a.cc:1:1: warning: odd")
        shown = self.bash("show_progress", "ninja: Entering directory `build'\n" + "\n".join(lines) + "\n").splitlines()
        self.assertEqual([line.split()[0] for line in shown if line.endswith("% built")], [str(percent) for percent in range(5, 101, 5)])
        self.assertIn("a.cc:1:1: warning: odd", shown)
        self.assertEqual(len(shown), 21)

    def test_what_the_first_build_takes(self):
        folder = Path(tempfile.mkdtemp(prefix="tidemill-mill-"))
        self.addCleanup(shutil.rmtree, folder)
        said = self.bash("announce_first_build release", cwd=folder)
        self.assertIn("the first build compiles for about 6 minutes on two cores", said)
        (folder / "build/release/src").mkdir(parents=True)
        (folder / "build/release/src/a.cc.o").touch()
        self.assertEqual(self.bash("announce_first_build release", cwd=folder), "")


if __name__ == "__main__":
    unittest.main()
