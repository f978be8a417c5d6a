#!/usr/bin/env python3
"""The house rules as a test: each finding names the file, the line and the reason."""
import re
import subprocess
import sys
from pathlib import Path

import clocks
import sleeps

ROOT = Path(__file__).resolve().parents[2]

# Which folders of src/ a folder may include (besides itself). Arrows point down only.
BELOW = {
    "base": [],
    "runtime": ["base"],
    "wire": ["runtime", "base"],
    "store": ["runtime", "base"],
    "engine": ["store", "runtime", "base"],
    "blobs": ["store", "runtime", "base"],
    "sql": ["base"],
    "compute": ["runtime", "base"],
    "infer": ["sql", "base"],
    "train": ["infer", "sql", "base"],
    "model_server": ["wire", "infer", "runtime", "base"],
    "runtimes": ["base"],
    "api": ["base"],
    "services": ["api", "engine", "store", "blobs", "compute", "infer", "runtimes", "runtime", "base"],
    "server": ["services", "api", "engine", "store", "blobs", "compute", "infer", "train", "model_server", "runtimes",
               "sql", "wire", "runtime", "base"],
    "cli": ["server", "services", "train", "model_server", "infer", "compute", "wire", "runtime", "api", "base"],
}
# Services in districts (folders one level below the service), and which of its districts a district
# may include. Files of the service's own folder put the districts together: they may include all
# of them, and no district includes them.
DISTRICTS = {
    "sagemaker": {"common": [], "hosting": ["common"], "jobs": ["hosting", "common"]},
    # Rooms of what all services share (src/services/platform/README.md).
    "platform": {"handlers": [], "constraints": [], "metrics": [], "module": [], "sweeps": [], "audit": ["handlers"],
                 "paging": [], "commits": [], "cancellation": [], "archives": ["cancellation"],
                 "dispatcher": ["audit", "constraints", "handlers"], "held": ["handlers"], "schedule": ["metrics"],
                 "delivery": ["metrics"]},
}
# The inference path is asynchronous from socket to socket, so this one service talks HTTP.
SERVICES_ABOVE_WIRE = {"sagemaker_runtime"}
HEAVY_HEADERS = re.compile(
    r"<(boost/asio|boost/beast|duckdb|simdjson|sqlite3|archive|yaml-cpp|CLI/|pugixml|openssl/ssl)[^>]*>")
LINES_MAX = 500
INCLUDE = re.compile(r'^\s*#include\s+["<]([^">]+)[">]')
COROUTINE_LAMBDA = re.compile(r"\[[^\]]*[&=\w][^\]]*\]\s*\([^)]*\)[^{;]*->\s*\S*(awaitable|Task)<")


def tracked(*patterns):
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in listing if name and (ROOT / name).exists()]


def check_include(parts, target, line_text, is_test):
    """parts: path of the including file below src/."""
    folder, to = parts[0], target.split("/")
    if to[0] not in BELOW:
        return None
    if to[0] != folder and "*" not in BELOW[folder] and to[0] not in BELOW[folder]:
        if folder == "services" and to[0] == "wire" and parts[1] in SERVICES_ABOVE_WIRE:
            return None
        return f"{folder}/ may not include {to[0]}/: arrows point down only (docs/architecture.md)"
    if folder == "services" and to[0] == "services" and len(to) > 2 and len(parts) > 2:
        if to[1] not in (parts[1], "platform") and to[2] != "interface.h" and not is_test:
            return f"a service includes nothing of another but its interface.h, not {target}"
    if not is_test and "store/sqlite" in target and folder in ("services", "engine"):
        return "services and the engine never see SQLite"
    if folder == "services" and parts[1] in DISTRICTS and not is_test:
        return check_district(parts, to)
    return None


def check_district(parts, to):
    """parts: path of the including file below src/; to: path of the included one."""
    districts, district = DISTRICTS[parts[1]], parts[2] if len(parts) > 3 else None
    if district is not None and district not in districts:
        return f"{district}/ is no district of {parts[1]}: name it in tools/tidy/tidy.py"
    if to[:2] != ["services", parts[1]]:
        return None
    if district is None or (len(to) > 3 and to[2] in (district, *districts[district])):
        return None
    return f"the district {district}/ may not include {'/'.join(to)}: arrows between districts point one way"


def find_cycle(graph):
    """graph: node -> the nodes that it needs. A cycle as [a, b, ..., a], or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        path.append(node)
        for other in sorted(graph.get(node, ())):
            if cycle := visit(other):
                return cycle
        path.pop()
        done.add(node)
        return None

    for node in sorted(graph):
        if cycle := visit(node):
            return cycle
    return None


def check_cycles(includes):
    """includes: (including folder, included folder) below src/ -> a file that does so."""
    for service in sorted(DISTRICTS):
        inside = f"services/{service}"
        graph = {}
        for folder, to in includes:
            if folder != to and all(each == inside or each.startswith(inside + "/") for each in (folder, to)):
                graph.setdefault(folder, set()).add(to)
        if cycle := find_cycle(graph):
            steps = "; ".join(f"{a} -> {b} ({includes[a, b].name})" for a, b in zip(cycle, cycle[1:]))
            yield includes[cycle[0], cycle[1]], 1, f"a circle of includes between folders: {steps}"


def is_district(folder):
    service = folder.parent
    return service.parent.name == "services" and folder.name in DISTRICTS.get(service.name, {})


def findings():
    includes = {}
    for path in tracked("src/*.h", "src/*.cc"):
        relative = path.relative_to(ROOT)
        parts = relative.parts[1:]
        text = path.read_text()
        is_test = path.stem.endswith(("_test", "_fuzz")) or path.stem.startswith("test_")
        lines = text.split("\n")
        if len(lines) > LINES_MAX and not is_test:
            yield relative, len(lines), f"over {LINES_MAX} lines: split it by resource or by subject"
        if path.suffix == ".h" and "#pragma once" not in text:
            yield relative, 1, "a header without #pragma once"
        for number, line in enumerate(lines, 1):
            found = INCLUDE.match(line)
            if found:
                if not is_test:
                    to = str(Path(found.group(1)).parent)
                    includes.setdefault((str(Path(*parts).parent), to), relative)
                reason = check_include(parts, found.group(1), line, is_test)
                if reason:
                    yield relative, number, reason
                if path.suffix == ".h" and HEAVY_HEADERS.search(line):
                    yield relative, number, "a heavy header in a header: 2 s for every file that includes it"
            if COROUTINE_LAMBDA.search(line):
                yield relative, number, "a capturing lambda as a coroutine outlives its captures"
            if re.search(r"\.detach\(\)", line):
                yield relative, number, "nothing is detached: give it to a TaskScope"
    yield from check_cycles(includes)
    yield from clocks.findings(ROOT, tracked("src/*.h", "src/*.cc"))
    yield from sleeps.findings(ROOT, tracked("src/*.h", "src/*.cc", "tests/*.h", "tests/*.cc", "tests/*.py"))
    for folder in sorted({p.parent for p in tracked("src/*.h", "src/*.cc")}):
        depth = len(folder.relative_to(ROOT / "src").parts)
        if depth in (1, 2, 3) and folder.name != "testdata" and not (folder / "README.md").exists():
            if depth == 1 or folder.parent.name == "services" or is_district(folder):
                yield folder.relative_to(ROOT), 1, "no README.md: what it is for, its invariants, where to start"
    for path in tracked("*.md", "*.sh", "*.py", "*.cc", "*.h", "*.txt", "*.json", "mill"):
        if path.suffix in (".json", ".txt") and path.stat().st_size > 1_000_000:
            continue
        for number, line in enumerate(path.read_text(errors="replace").split("\n"), 1):
            if re.search(r"(?<![\w.])/(work|root|home/\w+)/", line) and "tools/tidy" not in str(path):
                yield path.relative_to(ROOT), number, "a path of one machine"


def main():
    count = 0
    for path, number, reason in findings():
        print(f"{path}:{number}: {reason}")
        count += 1
    print(f"tidy: {count} findings" if count else "tidy: the house is in order")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
