"""Imports the user's module."""
import importlib
import os
import sys

from tidemill_containers import environment, errors, files

DEFAULT_MODULE_NAME = "default_user_module_name"


def exists(name):
    return importlib.util.find_spec(name) is not None


def download_and_extract(uri, path=environment.code_dir):
    files.download_and_extract(uri, path)


def import_module(uri, name=DEFAULT_MODULE_NAME, cache=None):
    """Imports the module `name` from a folder or archive."""
    files.download_and_extract(uri, environment.code_dir)
    sys.path.insert(0, environment.code_dir)
    try:
        return importlib.import_module(name.removesuffix(".py"))
    except Exception as error:
        raise errors.ImportModuleError(f"{type(error).__name__}: {error}") from error


def run_module(*_, **__):
    raise NotImplementedError("Tidemill runs the entry point itself; call your module's functions instead of "
                              f"run_module (the code lies in {os.path.join(environment.code_dir)})")
