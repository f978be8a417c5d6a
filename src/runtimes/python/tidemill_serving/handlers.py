"""The user's model_fn, input_fn, predict_fn, output_fn and transform_fn, with the containers' defaults."""
import importlib.util
import inspect
import os
import sys

from tidemill_serving import codecs
from tidemill_serving.context import Context
from tidemill_serving.messages import Response

HOOKS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")


def load_module(directory, program):
    """Imports the user's program as a module; None when the endpoint has none."""
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
    """Loads the kinds of models that need no model_fn."""
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


def takes_context(function, arguments):
    """Whether the function has one more required parameter than in SageMaker's signature: `context`."""
    try:
        required = [each for each in inspect.signature(function).parameters.values()
                    if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
                    and each.default is each.empty]
    except (TypeError, ValueError):
        return False
    return len(required) == arguments + 1


def _with_context(function, arguments):
    """Wraps the function so that it always takes a context; None when it ignores it."""
    if takes_context(function, arguments):
        return function
    if arguments == 1:
        return lambda first, context: function(first)
    if arguments == 2:
        return lambda first, second, context: function(first, second)
    return lambda *given: function(*given[:-1])


def _chunks(iterator):
    for chunk in iterator:
        if isinstance(chunk, str):
            chunk = chunk.encode("utf-8")
        elif not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise TypeError(f"a streamed answer consists of bytes or str, not {type(chunk).__name__}")
        if chunk:
            yield bytes(chunk)


class Handlers:
    """The functions that answer an invocation."""

    def __init__(self, module):
        self.default_accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", codecs.JSON)
        hooks = {name: getattr(module, name, None) for name in HOOKS}
        if hooks["transform_fn"] and any(hooks[name] for name in ("input_fn", "predict_fn", "output_fn")):
            raise ValueError("Cannot use transform_fn implementation in conjunction with input_fn, "
                             "predict_fn, and/or output_fn implementation")
        self.model_fn = _with_context(hooks["model_fn"] or default_model_fn, 1)
        self.input_fn = _with_context(hooks["input_fn"] or codecs.decode, 2)
        self.predict_fn = _with_context(hooks["predict_fn"] or default_predict_fn, 2)
        self.output_fn = _with_context(hooks["output_fn"] or codecs.encode, 2)
        self.transform_fn = hooks["transform_fn"] and _with_context(hooks["transform_fn"], 4)
        self.model, self.model_dir = None, ""

    def load(self, model_dir):
        self.model_dir = str(model_dir)
        self.model = self.model_fn(self.model_dir, Context(self.model_dir))

    def invoke(self, request):
        """Returns a messages.Response; passes on exceptions of user code."""
        headers, body = request.headers, request.body
        content_type, accept = headers.get("content-type", ""), headers.get("accept", "")
        kind = codecs.media_type(content_type) or codecs.JSON
        if kind.startswith("text/") or kind in (codecs.JSON, codecs.JSONLINES):
            body = body.decode("utf-8")
        if not accept or codecs.media_type(accept) in ("*/*", ""):
            accept = self.default_accept
        context = Context(self.model_dir, headers)
        if self.transform_fn:
            result = self.transform_fn(self.model, body, content_type, accept, context)
        else:
            data = self.input_fn(body, content_type, context)
            result = self.output_fn(self.predict_fn(data, self.model, context), accept, context)
        return self._response(result, accept, context)

    @staticmethod
    def _response(result, accept, context):
        if isinstance(result, tuple) and len(result) == 2:
            result, accept = result
        if hasattr(result, "get_data"):  # sagemaker_containers' worker.Response, or Flask's
            context.response_status = getattr(result, "status_code", context.response_status)
            accept = getattr(result, "content_type", None) or accept
            result = result.get_data()
        elif hasattr(result, "response"):
            result, accept = result.response, getattr(result, "mimetype", accept)
        headers = context.response_headers
        if headers:
            accept = headers.pop("Content-Type", accept)
        if isinstance(result, str):
            result = result.encode("utf-8")
        elif hasattr(result, "__next__"):
            result = _chunks(result)
        elif not isinstance(result, bytes):
            result = codecs.encode(result, accept) if not isinstance(result, bytearray) else bytes(result)
            result = result.encode("utf-8") if isinstance(result, str) else result
        return Response(context.response_status, accept, result, tuple(headers.items()))
