"""Names of files and channels."""
MODEL_NAME = "xgboost-model"
TRAIN_CHANNEL = "train"
VAL_CHANNEL = "validation"
