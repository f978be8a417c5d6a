"""Tracebacks without the folder that the server keeps this toolkit in: it is nobody's business."""
import os
import traceback

_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def format_exc():
    return traceback.format_exc().replace(_FOLDER, "")
