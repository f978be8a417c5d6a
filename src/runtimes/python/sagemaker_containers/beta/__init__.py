"""Holds framework, which scripts import from."""
