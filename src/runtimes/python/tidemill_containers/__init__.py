"""The implementation of the packages that are named like SageMaker's own (sagemaker_training, ...)."""
