#!/usr/bin/env python3
"""Measures Tidemill and, in the same run, a peer; prints a table of ratios. See ./mill bench --help."""
import argparse
import datetime
import platform
import sys

from measure import ROOT, markdown
import endpoint
import fleet
import kernels
import s3
import serving
import start
import training

PARTS = {"start": start, "s3": s3, "training": training, "endpoint": endpoint, "serving": serving,
         "fleet": fleet, "kernels": kernels}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="shorter loads: a look, not a measurement")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    for name in options.parts:
        if name not in PARTS:
            parser.error(f"there is no part '{name}'; there are {', '.join(PARTS)}")
    rows = []
    for name in options.parts or PARTS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += PARTS[name].measure(quick=options.quick)
    table = markdown(rows)
    print(table)
    if options.write:
        page = ROOT / "docs/benchmarks.md"
        head, marker, _ = page.read_text().partition("<!-- table -->\n")
        when = datetime.date.today().isoformat()
        page.write_text(f"{head}{marker}Measured {when} on {platform.machine()}, two cores, by `./mill bench --write`.\n\n{table}\n")


if __name__ == "__main__":
    main()
