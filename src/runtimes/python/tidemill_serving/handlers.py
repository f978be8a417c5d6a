"""The user's model_fn, input_fn, predict_fn, output_fn and transform_fn, with the containers' defaults."""
import importlib.util
import inspect
import os
import sys

from tidemill_common import paths
from tidemill_serving import codecs

HOOKS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")


def load_module(directory, program):
    """The user's program as a module; None when the endpoint has none."""
    path = directory / program
    if not path.is_file():
        raise FileNotFoundError(f"the inference script {program} is not in {directory}")
    sys.path.insert(0, str(path.parent))
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def default_model_fn(model_dir):
    """The models that can be loaded without being told how."""
    xgboost_model = os.path.join(model_dir, "xgboost-model")
    if os.path.exists(xgboost_model):
        import xgboost
        booster = xgboost.Booster()
        booster.load_model(xgboost_model)
        return booster
    torch_model = os.path.join(model_dir, "model.pt")
    if os.path.exists(torch_model):
        import torch
        return torch.jit.load(torch_model)
    files = ", ".join(sorted(os.listdir(model_dir))) or "no files"
    raise NotImplementedError(
        "Please provide a model_fn implementation: def model_fn(model_dir) in the inference script "
        f"must load and return the model. The model folder {model_dir} has: {files}.")


def default_predict_fn(data, model):
    kind = type(model).__module__.split(".")[0]
    if kind == "xgboost" and type(model).__name__ == "Booster":
        import xgboost
        return model.predict(data if isinstance(data, xgboost.DMatrix) else
                             xgboost.DMatrix(data if data.ndim > 1 else data.reshape(1, -1)),
                             validate_features=False)
    if kind == "torch" or any(base.__module__.startswith("torch.") for base in type(model).__mro__):
        import torch
        with torch.no_grad():
            return model(torch.as_tensor(data, dtype=torch.float32))
    if hasattr(data, "ndim") and data.ndim == 1:
        data = data.reshape(1, -1)
    return model.predict(data)


class Handlers:
    """What answers an invocation."""

    def __init__(self, module):
        self.module = module
        self.default_accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", codecs.JSON)
        hooks = {name: getattr(module, name, None) for name in HOOKS}
        self.model_fn = hooks["model_fn"] or default_model_fn
        self.input_fn = hooks["input_fn"] or codecs.decode
        self.predict_fn = hooks["predict_fn"] or default_predict_fn
        self.output_fn = hooks["output_fn"] or codecs.encode
        self.transform_fn = hooks["transform_fn"]
        if self.transform_fn and any(hooks[name] for name in ("input_fn", "predict_fn", "output_fn")):
            raise ValueError("Cannot use transform_fn implementation in conjunction with input_fn, "
                             "predict_fn, and/or output_fn implementation")
        self.model = None

    def load(self):
        self.model = self._call(self.model_fn, str(paths.MODEL))

    @staticmethod
    def _call(function, *arguments):
        """Newer scripts take a last parameter `context`; there is nothing to put into it."""
        try:
            parameters = [each for each in inspect.signature(function).parameters.values()
                          if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
                          and each.default is each.empty]
        except (TypeError, ValueError):
            parameters = []
        extra = [None] if len(parameters) == len(arguments) + 1 else []
        return function(*arguments, *extra)

    def invoke(self, body, content_type, accept):
        """Content type and body of the answer."""
        kind = codecs.media_type(content_type) or codecs.JSON
        if kind.startswith("text/") or kind in (codecs.JSON, codecs.JSONLINES):
            body = body.decode("utf-8")
        accept = accept if accept and codecs.media_type(accept) not in ("*/*", "") else self.default_accept
        if self.transform_fn:
            result = self._call(self.transform_fn, self.model, body, content_type, accept)
        else:
            data = self._call(self.input_fn, body, content_type)
            prediction = self._call(self.predict_fn, data, self.model)
            result = self._call(self.output_fn, prediction, accept)
        if isinstance(result, tuple) and len(result) == 2:
            result, accept = result
        if hasattr(result, "response"):  # sagemaker_containers' worker.Response
            result, accept = result.response, getattr(result, "mimetype", accept)
        if not isinstance(result, (bytes, bytearray, str)):
            result = codecs.encode(result, accept)
        return accept, result.encode("utf-8") if isinstance(result, str) else bytes(result)
