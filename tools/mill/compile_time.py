"""python3 compile_time.py BUILD_FOLDER TARGET [--jobs N] [--match TEXT]

Compiles every file of TARGET once more, without the compiler cache and without touching the build
folder, and prints the CPU seconds of the ten slowest and of all.
"""
import argparse
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

SHOWN_MAX = 10


def objects_of(build, target):
    """The object files that ninja links into `target`, as paths below the build folder."""
    listing = subprocess.run(
        ["ninja", "-C", build, "-t", "inputs", target], capture_output=True, text=True)
    if listing.returncode:
        sys.exit(f"mill: {build} has no target {target}")
    return {line for line in listing.stdout.split("\n") if line.endswith(".o")}


def commands_of(build, objects, match):
    """(source file, command without the compiler cache, folder to run it in)"""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    found = []
    for entry in entries:
        command = shlex.split(entry["command"])
        if os.path.basename(command[0]) == "ccache":
            command = command[1:]
        output = command[command.index("-o") + 1]
        if output in objects and match in entry["file"]:
            found.append((entry["file"], command, entry["directory"]))
    return found


def cpu_seconds(command, directory, scratch):
    """User and system time of the compiler and its child processes; None when it fails."""
    place = command.index("-o") + 1
    output = os.path.join(scratch, str(time.monotonic_ns()) + ".o")
    command = [*command[:place], output, *command[place + 1:]]
    child = subprocess.Popen(command, cwd=directory, env={**os.environ, "CCACHE_DISABLE": "1"})
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if os.path.exists(output):
        os.unlink(output)
    return usage.ru_utime + usage.ru_stime if child.returncode == 0 else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--match", default="", help="only files whose path has this in it")
    arguments = parser.parse_args()
    commands = commands_of(
        arguments.build, objects_of(arguments.build, arguments.target), arguments.match)
    if not commands:
        sys.exit("mill: no file to compile")
    print(f"compiling {len(commands)} files without the compiler cache", flush=True)
    with tempfile.TemporaryDirectory(prefix="tidemill-compile-time-") as scratch, \
            concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        times = list(pool.map(lambda one: cpu_seconds(one[1], one[2], scratch), commands))
    if None in times:
        sys.exit(f"mill: {commands[times.index(None)][0]} does not compile")
    slowest = sorted(zip(times, (file for file, _, _ in commands)), reverse=True)
    for seconds, file in slowest[:SHOWN_MAX]:
        print(f"{seconds:7.1f} s  {os.path.relpath(file)}")
    print(f"{sum(times):7.1f} s of CPU in {len(times)} files, by real compiles")


if __name__ == "__main__":
    main()
