"""The functions that are used where a script defines none."""
from sagemaker_inference import decoder, encoder


class DefaultInferenceHandler:
    def default_model_fn(self, model_dir, context=None):
        raise NotImplementedError("Please provide a model_fn implementation.")

    def default_input_fn(self, input_data, content_type, context=None):
        return decoder.decode(input_data, content_type)

    def default_predict_fn(self, data, model, context=None):
        raise NotImplementedError("Please provide a predict_fn implementation.")

    def default_output_fn(self, prediction, accept, context=None):
        return encoder.encode(prediction, accept), accept
