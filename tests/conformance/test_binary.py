"""What the release build leaves: a small program, its debug information beside it, and no warning."""
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


def test_the_debug_file_belongs_to_the_program():
    contents = subprocess.run(
        ["readelf", "--string-dump=.gnu_debuglink", "--hex-dump=.gnu_debuglink", PROGRAM],
        capture_output=True, text=True, check=True).stdout
    assert "tidemill.debug" in contents
    # The link ends with the debug file's CRC, least significant byte first.
    dumped = bytes.fromhex("".join(
        "".join(line.split()[1:5]) if len(line.split()) > 4 else line.split()[1]
        for line in contents.split("\n") if line.strip().startswith("0x")))
    assert int.from_bytes(dumped[-4:], "little") == binascii.crc32(DEBUG.read_bytes())


def test_addresses_turn_into_lines_with_the_debug_file():
    symbols = subprocess.run(["nm", DEBUG], capture_output=True, text=True, check=True).stdout
    address = next(line.split()[0] for line in symbols.split("\n") if line.endswith(" T main"))
    place = subprocess.run(
        ["addr2line", "-e", DEBUG, address], capture_output=True, text=True, check=True).stdout
    assert "src/server/main.cc:" in place


def test_a_warning_stops_the_build():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    lenient = [each["file"] for each in commands
               if " -Werror " not in each["command"] or "-Wno-error" in each["command"]]
    assert lenient == []
