"""The regions of AWS's standard partition, which Tidemill's ARNs use: the valid values of the setting `region`."""

import json
import os
import re

from codegen import cpp

PARTITION = "aws"


def names(botocore):
    """Sorted, without pseudo-regions like "aws-global"."""
    with open(os.path.join(botocore, "data", "partitions.json"), encoding="utf-8") as file:
        partitions = json.load(file)["partitions"]
    partition = next(one for one in partitions if one["id"] == PARTITION)
    return sorted(name for name in partition["regions"] if re.match(partition["regionRegex"], name))


def text(botocore):
    lines = [cpp.BANNER, '#include "api/regions.h"', "", "namespace tidemill::api {", ""]
    lines += ["std::span<const std::string_view> region_names() {"]
    lines += ["  static constexpr std::string_view kNames[] = {"]
    lines += [f"      {cpp.quote(name)}," for name in names(botocore)]
    lines += ["  };", "  return kNames;", "}", "", "}  // namespace tidemill::api", ""]
    return "\n".join(lines)
