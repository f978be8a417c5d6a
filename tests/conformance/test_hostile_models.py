"""Models, configurations and requests that are wrong or malicious: each is refused with a helpful message, and the
server and everything else continue."""
import io
import struct
import tarfile

import pytest

from helpers import aws_error, unique
from hosting import answer, config_of, constant_booster, constant_model, endpoint_of, variant
from sagemaker_world import XGBOOST, World


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(scope="module")
def endpoint(world):
    return endpoint_of(world, config_of(world, variant("A", constant_model(world, 5.0))))[0]


def archive(*entries):
    """(name, content) becomes a file; (name, type, link) becomes another kind of entry."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=tarfile.PAX_FORMAT) as out:
        for name, *rest in entries:
            info = tarfile.TarInfo(name)
            if len(rest) == 2:
                info.type, info.linkname = rest
                out.addfile(info)
            else:
                info.size = len(rest[0])
                out.addfile(info, io.BytesIO(rest[0]))
    return stream.getvalue()


def outcome(world, data):
    name = world.deploy(XGBOOST, world.put(f"{unique('hostile')}/model.tar.gz", data))
    return name, world.settled(name)


MODEL = ("xgboost-model", constant_booster(5.0))
WHOLE = archive(MODEL)


@pytest.mark.parametrize("data, reason", [
    (archive(MODEL, ("../../evil", b"x")), "Path contains '..'"),
    (archive(("d", tarfile.SYMTYPE, "/tmp"), ("d/evil", b"x"), MODEL), "Cannot extract through symlink d/evil"),
    (archive(("xgboost-model", tarfile.LNKTYPE, "/etc/passwd")), "does not exist"),
    (archive(("xgboost-model", tarfile.SYMTYPE, "/etc/passwd")), "no file xgboost-model"),
    (archive(("xgboost-model", tarfile.FIFOTYPE, "")), "is a device or a pipe"),
    (archive(MODEL, ("zero", tarfile.CHRTYPE, "")), "the entry zero is a device or a pipe"),
    (archive(MODEL, ("d/" * 1500 + "f", b"")), "deeper than 64 folders"),
    (archive(), "no file xgboost-model"),
    (b"", "Unrecognized archive format"),
    (WHOLE[:-6], "cut off"),
    (WHOLE[:len(WHOLE) // 2], "truncated gzip input"),
])
def test_archives_that_are_no_models(world, data, reason):
    _, found = outcome(world, data)
    assert found["EndpointStatus"] == "Failed"
    assert reason in found["FailureReason"]
    assert str(world.server.data) not in found["FailureReason"]


def test_names_in_every_script(world):
    name, found = outcome(world, archive(MODEL, ("modèle.txt", b"x"), ("木", tarfile.SYMTYPE, "modèle.txt")))
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    assert answer(world, name) == 5.0


def test_a_reason_that_is_no_text_can_be_read(world):
    """An objective with arbitrary bytes in XGBoost's old binary format; it once produced a record that could not be
    read again."""
    model = struct.pack("<fIiiiIII", 0.5, 2, 0, 0, 0, 1, 6, 0) + bytes(104)
    for text in (b"\xff\xfe\xe9abc", b"gbtree"):
        model += struct.pack("<Q", len(text)) + text
    name, found = outcome(world, archive(("xgboost-model", model + bytes(160))))
    assert found["EndpointStatus"] == "Failed"
    assert "abc' is not known" in found["FailureReason"]
    assert name in [each["EndpointName"] for each in world.sm.list_endpoints(NameContains=name)["Endpoints"]]
    world.sm.delete_endpoint(EndpointName=name)


def test_configurations_of_nothing(world):
    model = constant_model(world, 1.0)
    with aws_error("ValidationException", containing="Could not find model"):
        config_of(world, variant("A", model), ShadowProductionVariants=[variant("S", unique("none"))])
    for weight in (float("nan"), float("inf")):
        with aws_error("ValidationException", containing="finite"):
            config_of(world, variant("A", model, weight))


@pytest.mark.parametrize("members, says", [
    ({"CustomAttributes": "x" * 1025}, "'customAttributes' failed to satisfy constraint: Member must have length less"),
    ({"InferenceId": "x" * 65}, "'inferenceId'"),
    ({"SessionId": "a/../b"}, "'sessionId'"),
    ({"TargetModel": "x.tar.gz"}, "is not a multi-model endpoint and does not support target model header."),
])
def test_members_keep_to_their_constraints(world, endpoint, members, says):
    with aws_error("ValidationError", 400, says):
        answer(world, endpoint, **members)


@pytest.mark.parametrize("kind, body, says", [
    ("text/csv", b"1,\xe9", "row 1, column 2"),
    ("application/json", b"[[1,2],[3,oops]]", "row 2, column 2: not valid JSON"),
    ("application/json", b'[[1,"' + b"x" * 100_000 + b'"]]', "row 1, column 2"),
    ("application/jsonlines", b"[1,2]\n\n[1,]", "line 3: row 2, column 2"),
    ("text/libsvm", b"0 x:1", "row 1, entry 2: 'x:1' is not index:value"),
    ("application/x-npy", b"\x93NUMPY\x01\x00\x3a\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999, 2)}",
     "cut off"),
    ("application/x-recordio-protobuf", b"\x0a\x23\xd7\xce\xff\xff\xff\x1f", "row 1: the record is cut off"),
    ("application/x-parquet", b"PAR1\xff\xff\xff\x7fPAR1", "Footer length error"),
])
def test_bodies_that_do_not_parse(world, endpoint, kind, body, says):
    with aws_error("ModelError", 424, says) as raised:
        world.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=kind)
    assert raised.value.response["OriginalStatusCode"] == 415
    assert len(raised.value.response["Error"]["Message"]) < 1000
    assert answer(world, endpoint) == 5.0
