"""What the parity fixtures of every model format share: the rows (testdata/parity_rows.h makes the same
ones) and how a library's answers are kept."""
import pathlib
import zipfile

import numpy

ROWS, COLUMNS = 4000, 8
SINGLE_ROWS, GROUP_ROWS = 64, 32  # the first rows' answers singly, the others' summed by groups


def make_rows(missing=True):
    """Columns 0 to 4: in [-1, 1). 5: whole, 0 to 9. 6: whole, 0 to 49. 7: half of them 0."""
    state, values = 2463534242, []
    for row in range(ROWS):
        for column in range(COLUMNS):
            state = (state * 1664525 + 1013904223) % 2**32
            draw = state >> 8
            value = draw / 2**23 - 1
            if column == 5:
                value = draw % 10
            elif column == 6:
                value = draw % 50
            elif column == 7 and draw & 1:
                value = 0.0
            if missing and (state >> 4) % 16 == 0:
                value = numpy.nan
            values.append(value)
    return numpy.array(values, "f8").astype("f4").reshape(ROWS, COLUMNS)


def make_wild(rows):
    """What no row of the training had: categories unseen, negative and broken, values far out and tiny."""
    rows = rows.copy()
    for row in range(0, ROWS, 10):
        column, value = [(6, 77), (6, 3.7), (6, -1), (6, -0.5), (0, 1e30), (0, -1e30), (7, 1e-40),
                         (7, -1e-36), (6, 1e20), (5, 0)][row // 10 % 10]
        rows[row, column] = value
    return rows


def make_target(rows):
    """Something that trees and lines can learn; nothing of it is missing."""
    x = numpy.nan_to_num(rows.astype("f8"))
    return (x[:, 0] * x[:, 1] + numpy.sin(3 * x[:, 2]) + 0.1 * x[:, 5] + 0.5 * ((x[:, 6] * 7) % 3)
            + 0.3 * (x[:, 7] > 0))


class Bundle:
    """A zip of "<case>.model" and "<case>.expected" (little-endian floats)."""

    def __init__(self, path):
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9)

    def add(self, case, model, answers):
        answers = numpy.asarray(answers, "f8").reshape(ROWS, -1)
        assert numpy.isfinite(answers).all(), case
        grouped = answers[SINGLE_ROWS:].reshape(-1, GROUP_ROWS, answers.shape[1]).sum(axis=1)
        expected = numpy.concatenate([answers[:SINGLE_ROWS], grouped]).astype("<f4")
        for name, data in ((case + ".model", model), (case + ".expected", expected.tobytes())):
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            self.zip.writestr(entry, data)
        print(f"{case}: {len(model)} bytes, {answers.shape[1]} outputs, mean {answers.mean():.6f}")

    def close(self):
        path = pathlib.Path(self.zip.filename)
        self.zip.close()
        print(path.name, path.stat().st_size, "bytes")
