"""Script mode of training jobs: `python -m tidemill_training`."""
