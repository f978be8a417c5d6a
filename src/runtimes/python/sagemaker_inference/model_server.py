"""Scripts cannot start a model server, because Tidemill runs one."""


def start_model_server(handler_service=None):
    raise NotImplementedError("sagemaker_inference.model_server.start_model_server is not implemented by Tidemill, which "
                              "is the model server itself: define model_fn and the like in the inference script")
