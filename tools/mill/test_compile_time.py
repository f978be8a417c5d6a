"""./mill build --time: what it compiles and prints, and what it leaves alone."""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent / "compile_time.py"
NINJA = """
rule cc
  command = c++ -c $in -o $out
rule link
  command = c++ $in -o $out
build main.o: cc main.cc
build other.o: cc other.cc
build unused.o: cc unused.cc
build program: link main.o other.o
"""


class CompileTime(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.build = Path(self.scratch.name)
        (self.build / "build.ninja").write_text(NINJA)
        (self.build / "main.cc").write_text("#include <string>\nint main() { return 0; }\n")
        (self.build / "other.cc").write_text("int other() { return 1; }\n")
        (self.build / "unused.cc").write_text("no C++\n")
        (self.build / "compile_commands.json").write_text(json.dumps([
            {"directory": str(self.build), "file": str(self.build / f"{name}.cc"),
             "command": f"ccache c++ -c {name}.cc -o {name}.o"}
            for name in ("main", "other", "unused")]))

    def run_script(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, self.build, *arguments], capture_output=True, text=True)

    def test_compiles_what_the_target_needs_and_leaves_the_build_alone(self):
        outcome = self.run_script("program")
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        lines = outcome.stdout.split("\n")
        self.assertIn("2 files without the compiler cache", lines[0])
        self.assertIn("main.cc", lines[1])  # it includes the most, so it comes first
        self.assertIn("other.cc", lines[2])
        self.assertRegex(lines[3], r"^ +\d+\.\d s of CPU in 2 files")
        self.assertEqual(list(self.build.glob("*.o")), [])

    def test_only_files_that_match(self):
        outcome = self.run_script("program", "--match", "other")
        self.assertNotIn("main.cc", outcome.stdout)
        self.assertIn("in 1 files", outcome.stdout)

    def test_failures_are_named(self):
        broken = self.run_script("unused.o")
        self.assertNotEqual(broken.returncode, 0)
        self.assertIn("no file to compile", broken.stderr)
        (self.build / "other.cc").write_text("no C++\n")
        broken = self.run_script("program")
        self.assertEqual(broken.returncode, 1)
        self.assertIn("other.cc does not compile", broken.stderr)
        unknown = self.run_script("no-such-target")
        self.assertIn("has no target no-such-target", unknown.stderr)


if __name__ == "__main__":
    unittest.main()
