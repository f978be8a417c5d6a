"""Calls functions with the arguments that they accept."""
import functools
import inspect


def getargspec(function):
    return inspect.getfullargspec(function)


def matching_args(function, dictionary):
    """The entries of the dictionary that the function accepts; all of them when it has **kwargs."""
    spec = getargspec(function)
    if spec.varkw:
        return dict(dictionary)
    return {name: value for name, value in dictionary.items() if name in spec.args + spec.kwonlyargs}


def error_wrapper(function, error_class):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            raise error_class(error) from error
    return wrapped
