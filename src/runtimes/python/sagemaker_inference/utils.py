"""Headers and files of a request."""
import os
import re


def read_file(path, mode="r"):
    with open(path, mode) as file:
        return file.read()


def write_file(path, data, mode="w"):
    with open(path, mode) as file:
        file.write(data)


def retrieve_content_type_header(request_property):
    for name in request_property:
        if name.lower() == "content-type":
            return request_property[name]
    return None


def parse_accept(accept):
    """The media types of an Accept header, without their parameters."""
    return [re.split(r";", each)[0].strip() for each in (accept or "").split(",") if each.strip()]


def is_file(path):
    return os.path.isfile(path)
