"""Gives way to a package of the same name that the user has installed.

The toolkit's folder stands on PYTHONPATH, which comes before site-packages; a helper package of ours
must not hide the real one.
"""
import importlib.machinery
import os
import sys


def replaced(name):
    """Replaces the module `name`, which is being imported, by the one in another folder of sys.path.

    Returns False when no other folder has one. Call it first in a package's __init__.py.
    """
    module = sys.modules[name]
    own = os.path.dirname(os.path.dirname(os.path.realpath(module.__file__)))
    for folder in sys.path:
        if os.path.realpath(folder or ".") == own:
            continue
        spec = importlib.machinery.PathFinder.find_spec(name, [folder])
        if spec is None or spec.loader is None or not spec.submodule_search_locations:
            continue
        module.__spec__, module.__loader__, module.__file__ = spec, spec.loader, spec.origin
        module.__path__ = list(spec.submodule_search_locations)
        spec.loader.exec_module(module)
        return True
    return False
