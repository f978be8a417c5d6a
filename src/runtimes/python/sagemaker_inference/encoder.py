"""Encodes predictions to bodies."""
from sagemaker_inference import errors
from tidemill_containers import encoders
from tidemill_containers.encoders import array_to_csv as _array_to_csv  # noqa: F401
from tidemill_containers.encoders import array_to_json as _array_to_json, array_to_npy as _array_to_npy  # noqa: F401

SUPPORTED_CONTENT_TYPES = {"application/json", "text/csv", "application/x-npy"}


def encode(array_like, content_type):
    return encoders.encode(array_like, content_type, errors.UnsupportedFormatError)
