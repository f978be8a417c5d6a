"""The model server of Python endpoints: `python -m tidemill_serving`."""
