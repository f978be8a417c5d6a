"""Answers to requests that need no model."""
from tidemill_serving import messages

EXECUTION_PARAMETERS = b'{"MaxConcurrentTransforms":1,"BatchStrategy":"MULTI_RECORD","MaxPayloadInMB":6}'


def answer(request, unready=""):
    """Returns None for all other paths. `unready`: why /ping has to answer 503."""
    if request.path == "/ping":
        return messages.text(503, unready) if unready else messages.Response(200, "text/plain", b"")
    if request.path == "/execution-parameters":
        return messages.Response(200, "application/json", EXECUTION_PARAMETERS)
    return None


def unknown(request):
    return messages.text(404, f"there is no {request.path} here, only /ping and /invocations")
