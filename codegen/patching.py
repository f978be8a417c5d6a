"""Changes to a service's model, kept as data: patches/<service>.json, a list of

  {"path": "/operations/ListBuckets/output/locationName", "op": "add", "value": "...", "reason": "..."}

`path` is a JSON pointer. `op` is add (absent before), replace (present with another value) or remove
(present). A patch that does not apply stops the build: the model has moved on, so read it again.
"""

import json
import os


class PatchError(Exception):
    pass


def load(folder, service):
    path = os.path.join(folder, "patches", service + ".json")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def apply(model, patches, service):
    for patch in patches:
        _apply_one(model, patch, service)


def _apply_one(model, patch, service):
    where = f"patch of {service} at {patch.get('path')}"
    if not patch.get("reason", "").strip():
        raise PatchError(f"{where}: it has no reason")
    unknown = set(patch) - {"path", "op", "value", "reason"}
    if unknown:
        raise PatchError(f"{where}: unknown keys {sorted(unknown)}")
    keys = [key.replace("~1", "/").replace("~0", "~") for key in patch["path"].split("/")[1:]]
    if not keys:
        raise PatchError(f"{where}: the path must start with a slash")
    parent = model
    for key in keys[:-1]:
        parent = _step(parent, key, where)
    _change(parent, keys[-1], patch, where)


def _step(parent, key, where):
    if isinstance(parent, list) and key.isdigit() and int(key) < len(parent):
        return parent[int(key)]
    if isinstance(parent, dict) and key in parent:
        return parent[key]
    raise PatchError(f"{where}: the model has no {key!r} there")


def _change(parent, key, patch, where):
    operation = patch.get("op")
    if isinstance(parent, list):
        if operation != "add" or key != "-":
            raise PatchError(f"{where}: of a list only add at '-' is known")
        if patch["value"] in parent:
            raise PatchError(f"{where}: the list already has the value")
        parent.append(patch["value"])
        return
    present = key in parent
    if operation == "add" and not present:
        parent[key] = patch["value"]
    elif operation == "replace" and present and parent[key] != patch["value"]:
        parent[key] = patch["value"]
    elif operation == "remove" and present:
        del parent[key]
    else:
        state = f"is {json.dumps(parent[key])[:200]}" if present else "is absent"
        raise PatchError(f"{where}: {operation} does not apply, the value {state}")
