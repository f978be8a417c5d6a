"""Generates src/api from botocore's service models. Start reading at generate.py."""
