"""The usual name of every AWS service, by the names in its requests: for messages about services that are not
implemented."""

import gzip
import json
import os

from codegen import cpp

# Enough for a model's metadata, which is at the start of the file.
HEAD_CHARACTERS = 65536
# Services whose common name differs from the model's own short name.
PEOPLE_SAY = {"SFN": "Step Functions", "ELB": "Elastic Load Balancing"}


def metadata_of(folder):
    """The metadata of the newest model in the folder; None when there is no model."""
    path = os.path.join(folder, max(os.listdir(folder)), "service-2.json.gz")
    if not os.path.exists(path):
        return None
    with gzip.open(path, "rt", encoding="utf-8") as file:
        text = file.read(HEAD_CHARACTERS)
    return json.JSONDecoder().raw_decode(text, text.index("{", text.index('"metadata"')))[0]


def rows(botocore):
    """(name, target prefix, signing name), ordered by name. A service without a signing name signs with the name of its
    endpoint."""
    data = os.path.join(botocore, "data")
    found = set()
    for service in os.listdir(data):
        folder = os.path.join(data, service)
        metadata = metadata_of(folder) if os.path.isdir(folder) else None
        if metadata and "serviceId" in metadata:
            name = PEOPLE_SAY.get(metadata["serviceId"], metadata["serviceId"])
            signing = metadata.get("signingName") or metadata["endpointPrefix"]
            found.add((name, metadata.get("targetPrefix", ""), signing))
    return sorted(found)


def text(botocore):
    lines = [cpp.BANNER, '#include "api/service_names.h"', "", "namespace tidemill::api {", ""]
    lines += ["std::span<const ServiceName> service_names() {"]
    lines += ["  static constexpr ServiceName kNames[] = {"]
    for row in rows(botocore):
        lines += ["      {" + ", ".join(cpp.quote(value) for value in row) + "},"]
    lines += ["  };", "  return kNames;", "}", "", "}  // namespace tidemill::api", ""]
    return "\n".join(lines)
