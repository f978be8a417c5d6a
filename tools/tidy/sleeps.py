"""Sleeps, which make tests slow on fast machines and wrong on slow ones: a test waits for a condition
(tests/support/waiting.py, base/test_eventually.h) or moves a ManualClock. What is left stands in sleeps.txt with its
reason and its number; more of them are findings."""
import ast
import re
from pathlib import Path

ALLOWED = Path(__file__).with_name("sleeps.txt")
CXX = re.compile(r"\b(?:std::this_thread::)?sleep_for\(|::u?sleep\(")
HELPERS = {"tests/support/waiting.py", "src/base/test_eventually.h"}


def sleeps_in(name, text):
    """Line numbers. Sleeps in scripts of jobs, which are strings, do not count."""
    if name in HELPERS:
        return
    if name.endswith(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
                yield node.lineno
        return
    for number, line in enumerate(text.split("\n"), 1):
        if CXX.search(line.split("//")[0]):
            yield number


def allowed(table):
    """File name -> (number, reason): names, so that a folder may be moved."""
    out = {}
    for line in table.read_text().splitlines():
        if line and not line.startswith("#"):
            path, number, reason = line.split(None, 2)
            out[path] = (int(number), reason)
    return out


def findings(root, paths):
    table = allowed(ALLOWED)
    for path in paths:
        name = str(path.relative_to(root))
        found = list(sleeps_in(name, path.read_text()))
        most = table.get(path.name, (0, ""))[0]
        if len(found) > most:
            yield path.relative_to(root), found[most], (
                f"{len(found)} sleeps, {most} are allowed: wait for a condition (support.waiting, base/test_eventually.h) or move "
                "a ManualClock; where neither can be, say why in tools/tidy/sleeps.txt")
