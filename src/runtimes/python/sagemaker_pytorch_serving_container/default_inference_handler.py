from sagemaker_pytorch_serving_container.default_pytorch_inference_handler import *  # noqa: F401,F403
