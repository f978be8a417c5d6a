"""The names that training scripts import of SageMaker's training toolkit.

Tidemill's own small version; an installed package of this name takes its place.
"""
from tidemill_common import elsewhere


if not elsewhere.replaced(__name__):
    from sagemaker_training import content_types, encoders, environment, errors, files, params  # noqa: F401
