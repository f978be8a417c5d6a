"""Converts dictionaries to environments and command lines, and objects to dictionaries."""
import collections
import collections.abc
import json

from tidemill_training.environment import user_arguments

SplitResultSpec = collections.namedtuple("SplitResultSpec", "included excluded")


def to_env_vars(mapping):
    """{"MODEL_DIR": .., } becomes {"SM_MODEL_DIR": ..}; values other than text become JSON."""
    return {f"SM_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in mapping.items()}


def to_cmd_args(mapping):
    return user_arguments(mapping)


def split_by_criteria(dictionary, keys=None, prefix=None):
    keys = set(keys or ())
    included = {name for name in dictionary if name in keys or (prefix and name.startswith(prefix))}
    return SplitResultSpec({name: dictionary[name] for name in included},
                           {name: value for name, value in dictionary.items() if name not in included})


class MappingMixin(collections.abc.Mapping):
    """A mapping of the object's properties."""

    def properties(self):
        return [name for name in dir(type(self)) if isinstance(getattr(type(self), name), property)]

    def __getitem__(self, name):
        if name in self.properties():
            return getattr(self, name)
        raise KeyError(f"Trying to access invalid key {name}")

    def __iter__(self):
        return iter(self.properties())

    def __len__(self):
        return len(self.properties())

    def __str__(self):
        return str(dict(self))
