"""The model of one service: the newest version, with patches applied."""

import gzip
import json
import os

from codegen import names, patching


class Model:
    def __init__(self, service, definition, paginators):
        self.service = service
        self.namespace = names.namespace(service)
        self.metadata = definition["metadata"]
        self.operations = dict(sorted(definition["operations"].items()))
        self.shapes = definition["shapes"]
        self.paginators = paginators

    @property
    def query_compatible(self):
        return "awsQueryCompatible" in self.metadata

    def error_shapes(self):
        """Every shape that an operation lists as an error, or that is marked as one."""
        listed = {
            error["shape"]
            for operation in self.operations.values()
            for error in operation.get("errors", [])
        }
        marked = {name for name, shape in self.shapes.items() if shape.get("exception")}
        return sorted(listed | marked)


def load(botocore, codegen_folder, service):
    folder = os.path.join(botocore, "data", service)
    version = max(os.listdir(folder))
    folder = os.path.join(folder, version)
    definition = _read(folder, "service-2")
    # Ignores service-2.sdk-extras: it describes what clients make of the model (S3's Expires as a
    # time), not what services accept.
    paginators = _read(folder, "paginators-1")
    patching.apply(definition, patching.load(codegen_folder, service), service)
    return Model(service, definition, paginators.get("pagination", {}))


def _read(folder, stem):
    path = os.path.join(folder, stem + ".json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    if os.path.exists(path + ".gz"):
        with gzip.open(path + ".gz", "rt", encoding="utf-8") as file:
            return json.load(file)
    return {}
