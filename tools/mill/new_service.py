#!/usr/bin/env python3
"""Creates an empty service: its folder with a module, its lines in codegen/, and a test through boto3."""
import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = Path(__file__).with_name("new_service")
sys.path.insert(0, str(ROOT))

from codegen import model, names  # noqa: E402

NEAR_MAX = 5  # names that are suggested for one that boto3 does not have
DEPTH_MAX = 8  # of required members within required members; deeper ones are recursive


def example(shapes, name, depth=0):
    """A value that botocore accepts for the shape."""
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        return example_of_members(shapes, name, depth + 1) if depth < DEPTH_MAX else {}
    if kind == "list":
        return [example(shapes, shape["member"]["shape"], depth + 1)] * int(shape.get("min", 0))
    if kind == "map":
        return {}
    if kind == "string":
        return shape["enum"][0] if "enum" in shape else "example".ljust(int(shape.get("min", 0)), "x")
    return {"blob": b"example", "boolean": False, "timestamp": 0}.get(kind, max(1, int(shape.get("min", 1))))


def example_of_members(shapes, name, depth=0):
    required = shapes[name].get("required", [])
    return {member: example(shapes, shapes[name]["members"][member]["shape"], depth) for member in required}


def simplest_operation(loaded):
    """An operation with few required members, preferably one that lists: what a person would try first."""
    def effort(name):
        given = loaded.operations[name].get("input")
        needed = len(loaded.shapes[given["shape"]].get("required", [])) if given else 0
        return needed, not name.startswith("List"), not name.startswith("Describe"), name
    return min(loaded.operations, key=effort)


def snake(name):
    """The name of a method in boto3, from boto3's own library where it is installed."""
    for packages in ROOT.glob(".venv/lib/python3*/site-packages"):
        sys.path.append(str(packages))
    from botocore import xform_name
    return xform_name(name)


def texts_of(service, loaded):
    operation = simplest_operation(loaded)
    given = loaded.operations[operation].get("input")
    arguments = example_of_members(loaded.shapes, given["shape"]) if given else {}
    folder = names.namespace(service)
    values = {
        "SERVICE": service,
        "FOLDER": folder,
        "CLASS": "".join(word.capitalize() for word in folder.split("_")) + "Module",
        "TITLE": loaded.metadata.get("serviceFullName", service),
        "OPERATION": operation,
        "CALL": f"{snake(operation)}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})",
    }
    places = {"test.py.in": f"tests/conformance/test_{folder}.py"}
    texts = {}
    for template in sorted(TEMPLATES.glob("*.in")):
        text = template.read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        texts[places.get(template.name, f"src/services/{folder}/{template.name.removesuffix('.in')}")] = text
    return texts


def with_key(text, service):
    """Adds an empty object under one more key to the text of a JSON object, keeping its layout."""
    if service in json.loads(text):
        return text
    body = text.rstrip().removesuffix("}").rstrip()
    return f'{body}{"" if body.endswith("{") else ","}\n  "{service}": {{}}\n}}\n'


def main():
    parser = argparse.ArgumentParser(prog="./mill new-service")
    parser.add_argument("service", metavar="NAME", help="the service's name in boto3: sqs, stepfunctions")
    parser.add_argument("--botocore", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    service = arguments.service
    known = sorted(path.name for path in (Path(arguments.botocore) / "data").iterdir() if path.is_dir())
    if service not in known:
        near = [name for name in known if service and (service.replace("-", "") in name.replace("-", "") or name in service)][:NEAR_MAX]
        sys.exit(f"mill: boto3 has no service '{service}'" + (f"; did you mean {', '.join(near)}?" if near else ""))
    texts = texts_of(service, model.load(arguments.botocore, ROOT / "codegen", service))
    taken = [name for name in texts if (ROOT / name).exists()]
    if taken:
        sys.exit(f"mill: {service} is there already: {', '.join(taken)}")
    for name in ("services.json", "operations.json"):
        path = ROOT / "codegen" / name
        texts[f"codegen/{name}"] = with_key(path.read_text(), service)
    for name, text in texts.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(name)
    print(f"Next: ./mill coverage (adds {service} to docs/coverage.md), then name operations in codegen/operations.json; "
          "CONTRIBUTING.md, 'Where things go'.")


if __name__ == "__main__":
    main()
