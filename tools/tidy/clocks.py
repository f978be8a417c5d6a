"""Clocks that escape Clock (base/clock.h) in services, engine and server: a test cannot move them. What is left stands in
clocks.txt with its reason and its number; more of them are findings."""
import re
from pathlib import Path

import sleeps

ALLOWED = Path(__file__).with_name("clocks.txt")
CLOCKS = re.compile(r"\b(?:steady_clock|system_clock|high_resolution_clock|clock_gettime|gettimeofday)\b|(?<![\w.>])(?:std)?::time\(")
FOLDERS = ("src/services/", "src/engine/", "src/server/")


def clocks_in(text):
    """Line numbers."""
    for number, line in enumerate(text.split("\n"), 1):
        for _ in CLOCKS.finditer(line.split("//")[0]):
            yield number


def findings(root, paths):
    table = sleeps.allowed(ALLOWED)
    for path in paths:
        name = path.relative_to(root)
        if not str(name).startswith(FOLDERS) or path.stem.endswith("_test") or path.stem.startswith("test_"):
            continue
        found = list(clocks_in(path.read_text()))
        most = table.get(path.name, (0, ""))[0]
        if len(found) > most:
            yield name, found[most], (
                f"{len(found)} uses of the machine's own clocks, {most} are allowed: take a Clock, which tests can move; where that "
                "cannot be, say why in tools/tidy/clocks.txt")
