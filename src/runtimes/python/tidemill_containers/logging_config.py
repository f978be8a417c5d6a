"""Loggers that write to the job's log."""
import logging
import sys


def get_logger(name="sagemaker-training-toolkit"):
    return logging.getLogger(name)


def configure_logger(level=logging.INFO, log_format="%(asctime)s %(name)-12s %(levelname)-8s %(message)s"):
    logging.basicConfig(format=log_format, level=level, stream=sys.stdout, force=True)
