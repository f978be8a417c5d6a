"""Errors with the HTTP status of the answer."""
from tidemill_containers.errors import BaseInferenceToolkitError, GenericInferenceToolkitError  # noqa: F401
from tidemill_containers.errors import UnsupportedFormatInferenceError as UnsupportedFormatError  # noqa: F401
