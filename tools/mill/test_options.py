"""./mill refuses unknown options before it does anything. Runs in a copy, where nothing can be lost."""
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Options(unittest.TestCase):
    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="tidemill-mill-"))
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(ROOT / "mill", self.root)
        shutil.copytree(ROOT / "tools/mill", self.root / "tools/mill")
        for name in ("build", ".cache", ".venv"):
            (self.root / name).mkdir()

    def mill(self, *arguments):
        return subprocess.run(["./mill", *arguments], cwd=self.root, capture_output=True, text=True, timeout=30)

    def test_unknown_options(self):
        for arguments in (["clean", "--al"], ["clean", "--all", "x"], ["clean", ""], ["fmt", "--chek"], ["demo", "--quick"],
                          ["bench", "--quik"], ["bench", "s4"]):
            done = self.mill(*arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""), arguments)
            self.assertIn(f"mill: {arguments[0]} has no option '{arguments[-1]}'", done.stderr)
            self.assertTrue((self.root / "build").exists())

    def test_clean(self):
        self.assertEqual(self.mill("clean").returncode, 0)
        self.assertFalse((self.root / "build").exists())
        self.assertTrue((self.root / ".venv").exists())
        self.assertEqual(self.mill("clean", "--all").returncode, 0)
        self.assertFalse((self.root / ".venv").exists())

    def test_the_parts_of_bench_are_those_that_it_knows(self):
        text = (ROOT / "bench/bench.py").read_text()
        table = text[text.index("PARTS = {"):]
        parts = [word.split('"')[1] for word in table[:table.index("}")].split(",")]
        self.assertIn(f"Parts: {' '.join(parts)}.", self.mill("bench", "--help").stdout)


if __name__ == "__main__":
    unittest.main()
