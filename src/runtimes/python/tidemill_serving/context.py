"""The last parameter, `context`, of handlers that take it: gives the request's headers, takes the answer's headers."""


class Headers(dict):
    """Names are stored in lower case and found in any case."""

    def get(self, name, default=None):
        return super().get(str(name).lower(), default)

    def __getitem__(self, name):
        return super().__getitem__(str(name).lower())

    def __contains__(self, name):
        return super().__contains__(str(name).lower())


class Context:
    """Has the names that scripts for TorchServe and the Multi Model Server use; their request index is ignored."""

    def __init__(self, model_dir, request_headers=()):
        self.system_properties = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1}
        self.request_headers = Headers(request_headers)
        self.response_headers = {}
        self.response_status = 200

    @property
    def session_id(self):
        """The id of a stateful session (X-Amzn-SageMaker-Session-Id)."""
        return self.request_headers.get("x-amzn-sagemaker-session-id")

    def get_request_header(self, *index_and_name):
        return self.request_headers.get(index_and_name[-1])

    def get_all_request_header(self, index=0):
        return self.request_headers

    def set_response_header(self, *index_name_value):
        name, value = index_name_value[-2:]
        self.response_headers[str(name)] = str(value)

    def set_response_content_type(self, *index_and_type):
        self.response_headers["Content-Type"] = str(index_and_type[-1])

    def set_response_status(self, code=200, phrase="", idx=0):
        self.response_status = int(code)
