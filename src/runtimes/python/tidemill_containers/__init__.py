"""What the packages named as SageMaker's containers' own (sagemaker_training, ...) are made of."""
