#!/usr/bin/env python3
"""Measures Tidemill and, in the same run, a peer; prints a table of ratios. See ./mill bench --help."""
import argparse
import datetime
import platform
import sys

from measure import ROOT, markdown
import audit
import calls
import endpoint
import events
import fleet
import kernels
import s3
import serving
import start
import training

PAGE = ROOT / "docs/benchmarks.md"
PARTS = {"start": start, "s3": s3, "training": training, "endpoint": endpoint, "serving": serving,
         "fleet": fleet, "kernels": kernels, "events": events, "calls": calls, "audit": audit}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="shorter loads: a look, not a measurement")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args()
    for name in options.parts:
        if name not in PARTS:
            parser.error(f"there is no part '{name}'; there are {', '.join(PARTS)}")
    for name in options.parts or PARTS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        table = markdown(PARTS[name].measure(quick=options.quick))
        print(f"{name}:\n{table}\n", flush=True)
        if options.write:
            write(name, table + ("\n\nA quick run: two seconds a measurement." if options.quick else ""))


def write(name, table):
    """Replaces the table of a part in docs/benchmarks.md."""
    begin, end = f"<!-- table {name} -->\n", f"<!-- end of {name} -->\n"
    head, _, rest = PAGE.read_text().partition(begin)
    _, found, tail = rest.partition(end)
    if not found:
        raise SystemExit(f"{PAGE} has no place for the table of {name}: {begin.strip()} ... {end.strip()}")
    when = datetime.date.today().isoformat()
    PAGE.write_text(f"{head}{begin}Measured {when} on {platform.machine()}, two cores, by `./mill bench {name} --write`.\n\n{table}\n{end}{tail}")


if __name__ == "__main__":
    main()
