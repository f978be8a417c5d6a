"""A base class for handlers, in the terms of the Multi Model Server."""


class DefaultHandlerService:
    """Scripts define model_fn and the like at the top level of their module; Tidemill does not call handler
    services."""

    def __init__(self, transformer=None):
        self._service = transformer

    def initialize(self, context):
        raise NotImplementedError("handler services are not implemented by Tidemill: define model_fn, input_fn, "
                                  "predict_fn and output_fn at the top of the inference script")

    handle = initialize
