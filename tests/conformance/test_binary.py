"""The result of the release build: a small program, a separate file with debug information, and no warnings."""
import binascii
import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "release"
PROGRAM = BUILD / "tidemill"
DEBUG = BUILD / "tidemill.debug"
PROGRAM_BYTES_MAX = 20_000_000


def section_names(path):
    listing = subprocess.run(
        ["readelf", "--section-headers", "--wide", path], capture_output=True, text=True, check=True)
    return {word for line in listing.stdout.split("\n") for word in line.split() if word[:1] == "."}


def test_the_program_is_small_and_has_no_debug_information():
    assert PROGRAM.stat().st_size < PROGRAM_BYTES_MAX
    assert not {name for name in section_names(PROGRAM) if name.startswith(".debug_")}


def test_the_debug_file_belongs_to_the_program(tmp_path):
    link = tmp_path / "link"
    subprocess.run(
        ["objcopy", "--dump-section", f".gnu_debuglink={link}", PROGRAM, tmp_path / "unused"], check=True)
    # The section has the file's name, then its CRC in little-endian order.
    assert link.read_bytes().startswith(b"tidemill.debug\0")
    assert int.from_bytes(link.read_bytes()[-4:], "little") == binascii.crc32(DEBUG.read_bytes())


def test_addresses_turn_into_lines_with_the_debug_file():
    symbols = subprocess.run(["nm", DEBUG], capture_output=True, text=True, check=True).stdout
    address = next(line.split()[0] for line in symbols.split("\n") if line.lower().endswith(" t main"))
    place = subprocess.run(
        ["addr2line", "-e", DEBUG, address], capture_output=True, text=True, check=True).stdout
    assert "src/cli/main.cc:" in place


def test_a_warning_stops_the_build():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    lenient = [each["file"] for each in commands
               if " -Werror " not in each["command"] or "-Wno-error" in each["command"]]
    assert lenient == []
