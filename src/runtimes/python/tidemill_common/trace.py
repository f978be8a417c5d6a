"""Tracebacks without the folder of this toolkit, which reveals where the server keeps its files."""
import os
import traceback

_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def format_exc():
    return traceback.format_exc().replace(_FOLDER, "")
