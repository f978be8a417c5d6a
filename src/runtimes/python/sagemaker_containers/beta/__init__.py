"""Contains framework, from which scripts import."""
