"""The PyTorch container's functions for scripts that define none."""
import os

from sagemaker_inference import decoder, encoder
from sagemaker_inference.default_inference_handler import DefaultInferenceHandler

DEFAULT_MODEL_FILENAME = "model.pt"


class DefaultPytorchInferenceHandler(DefaultInferenceHandler):
    def default_model_fn(self, model_dir, context=None):
        """Loads model.pt as TorchScript."""
        import torch
        path = os.path.join(model_dir, DEFAULT_MODEL_FILENAME)
        if not os.path.exists(path):
            raise FileNotFoundError(f"Failed to load model with default model_fn: missing file {DEFAULT_MODEL_FILENAME}.")
        return torch.jit.load(path, map_location="cuda" if torch.cuda.is_available() else "cpu")

    def default_input_fn(self, input_data, content_type, context=None):
        import torch
        return torch.as_tensor(decoder.decode(input_data, content_type))

    def default_predict_fn(self, data, model, context=None):
        import torch
        with torch.no_grad():
            return model(data)

    def default_output_fn(self, prediction, accept, context=None):
        if hasattr(prediction, "detach"):
            prediction = prediction.detach().cpu().numpy()
        return encoder.encode(prediction, accept)
