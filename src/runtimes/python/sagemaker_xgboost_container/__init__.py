"""The names that scripts import of SageMaker's XGBoost container.

Tidemill's own small version; an installed package of this name takes its place.
"""
from tidemill_common import elsewhere


elsewhere.replaced(__name__)
