"""Each serializer and deserializer of the SageMaker Python SDK v2 against an XGBoost model; XGBoost itself gives the
expected answers. (Parquet, for which this SDK has no serializer, is in tests/conformance_v3.)"""
import io
import json

import numpy
import pytest
from botocore.exceptions import ClientError

from helpers import unique
from hosting import config_of, endpoint_of, variant
from sagemaker_world import XGBOOST, sdk_world, tar_gz

COLUMNS = 5
# The predictor prints its answers with as many digits as a float has.
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def sdk(server):
    """A session, and an endpoint with a model that was trained on rows with missing values."""
    import xgboost
    with sdk_world(server) as made:
        generator = numpy.random.default_rng(3)
        made.rows = generator.normal(size=(400, COLUMNS)).round(3).astype(numpy.float32)
        made.rows[generator.random(size=made.rows.shape) < 0.2] = numpy.nan
        truth = numpy.nan_to_num(made.rows[:, 0], nan=2.0) * 3 - numpy.nan_to_num(made.rows[:, 1], nan=-1.0)
        made.booster = xgboost.train({"objective": "reg:squarederror", "max_depth": 4},
                                     xgboost.DMatrix(made.rows, label=truth), 20)
        model = unique("model")
        made.sm.create_model(ModelName=model, ExecutionRoleArn=made.role, PrimaryContainer={
            "Image": XGBOOST, "ModelDataUrl": made.put(f"{model}/model.tar.gz", tar_gz(
                {"xgboost-model": bytes(made.booster.save_raw("ubj"))}))})
        made.endpoint, _ = endpoint_of(made, config_of(made, variant("AllTraffic", model)))
        # Rows without missing values, for formats that cannot express them; some of the values are whole numbers.
        made.full = numpy.where(numpy.isnan(made.rows[:40]), numpy.float32(1), made.rows[:40])
        yield made
        made.sm.delete_endpoint(EndpointName=made.endpoint)


def expected(sdk, rows):
    import xgboost
    return sdk.booster.predict(xgboost.DMatrix(numpy.asarray(rows, dtype=numpy.float32)))


def predictor(sdk, serializer=None, deserializer=None):
    from sagemaker.predictor import Predictor
    more = {"serializer": serializer} if serializer else {}
    return Predictor(sdk.endpoint, sdk.session, **more, **({"deserializer": deserializer} if deserializer else {}))


def same(answer, wanted):
    numpy.testing.assert_allclose(numpy.asarray(answer, dtype=float).ravel(), wanted, rtol=TOLERANCE, atol=TOLERANCE)


def asked(sdk, serializer, data):
    """The answer as numbers."""
    from sagemaker.deserializers import CSVDeserializer
    return predictor(sdk, serializer, CSVDeserializer()).predict(data)


def test_the_rows_tell_wrong_from_right(sdk):
    """Swapping a column or replacing a missing value by zero changes the model's answer."""
    rows = sdk.rows[:40]
    assert not numpy.allclose(expected(sdk, rows), expected(sdk, numpy.nan_to_num(rows)))
    assert not numpy.allclose(expected(sdk, sdk.full), expected(sdk, sdk.full[:, ::-1]))


def test_csv(sdk):
    from sagemaker.serializers import CSVSerializer
    same(asked(sdk, CSVSerializer(), sdk.full), expected(sdk, sdk.full))
    same(asked(sdk, CSVSerializer(), sdk.full.tolist()), expected(sdk, sdk.full))
    same(asked(sdk, CSVSerializer(), sdk.full[3]), expected(sdk, sdk.full[3:4]))
    same(asked(sdk, CSVSerializer(), ",".join(map(str, sdk.full[4]))), expected(sdk, sdk.full[4:5]))


def test_csv_with_gaps(sdk):
    import pandas
    from sagemaker.serializers import CSVSerializer
    rows = sdk.rows[:40]
    text = pandas.DataFrame(rows).to_csv(header=False, index=False)
    assert ",," in text
    same(asked(sdk, CSVSerializer(), text), expected(sdk, rows))


def test_json(sdk):
    from sagemaker.serializers import JSONSerializer
    same(asked(sdk, JSONSerializer(), sdk.full), expected(sdk, sdk.full))
    records = {"instances": [{"features": row.tolist()} for row in sdk.full]}
    same(asked(sdk, JSONSerializer(), records), expected(sdk, sdk.full))


def test_json_lines(sdk):
    from sagemaker.serializers import JSONLinesSerializer
    same(asked(sdk, JSONLinesSerializer(), [row.tolist() for row in sdk.full]), expected(sdk, sdk.full))
    records = [{"features": row.tolist()} for row in sdk.full]
    same(asked(sdk, JSONLinesSerializer(), records), expected(sdk, sdk.full))


def test_libsvm(sdk):
    """Features that a row does not name are missing; XGBoost's indices start at 0."""
    from sagemaker.serializers import LibSVMSerializer
    rows = sdk.rows[:40]
    text = "\n".join("0 " + " ".join(f"{at}:{value}" for at, value in enumerate(row) if not numpy.isnan(value))
                     for row in rows)
    same(asked(sdk, LibSVMSerializer(), text), expected(sdk, rows))
    same(asked(sdk, LibSVMSerializer(), io.StringIO(text)), expected(sdk, rows))


@pytest.mark.parametrize("dtype", ["float32", "float64", ">f4"])
def test_npy(sdk, dtype):
    from sagemaker.serializers import NumpySerializer
    rows = sdk.rows[:40].astype(dtype)
    same(asked(sdk, NumpySerializer(dtype=dtype), rows), expected(sdk, rows))
    same(asked(sdk, NumpySerializer(dtype=dtype), numpy.asfortranarray(rows)), expected(sdk, rows))


def test_recordio_protobuf(sdk):
    from sagemaker.amazon.common import write_spmatrix_to_sparse_tensor
    from sagemaker.serializers import IdentitySerializer, RecordSerializer
    from scipy.sparse import csr_matrix
    same(asked(sdk, RecordSerializer(), sdk.full), expected(sdk, sdk.full))
    same(asked(sdk, RecordSerializer(), sdk.full.astype(numpy.float64)), expected(sdk, sdk.full))
    rows = sdk.rows[:40]
    sparse = csr_matrix(numpy.nan_to_num(rows))  # zeros are left out, and so count as missing
    stream = io.BytesIO()
    write_spmatrix_to_sparse_tensor(stream, sparse)
    left_out = numpy.where(sparse.toarray() == 0, numpy.nan, sparse.toarray())
    same(asked(sdk, IdentitySerializer("application/x-recordio-protobuf"), stream.getvalue()),
         expected(sdk, left_out))


def test_files_as_they_are(sdk, tmp_path):
    from sagemaker.serializers import DataSerializer
    path = tmp_path / "rows.csv"
    numpy.savetxt(path, sdk.full, delimiter=",", fmt="%.9g")
    same(asked(sdk, DataSerializer("text/csv"), str(path)), expected(sdk, sdk.full))


def test_answers_of_each_deserializer(sdk):
    from sagemaker import deserializers
    from sagemaker.serializers import CSVSerializer
    wanted, rows = expected(sdk, sdk.full), sdk.full

    def answer(deserializer):
        return predictor(sdk, CSVSerializer(), deserializer).predict(rows)

    same(answer(deserializers.CSVDeserializer()), wanted)
    same([each["score"] for each in answer(deserializers.JSONDeserializer())["predictions"]], wanted)
    same([each["score"] for each in answer(deserializers.JSONLinesDeserializer())], wanted)
    same([float(each) for each in answer(deserializers.BytesDeserializer()).split()], wanted)
    same([each["score"] for each in json.loads(answer(deserializers.StringDeserializer()))["predictions"]], wanted)
    stream, kind = answer(deserializers.StreamDeserializer(accept="text/csv"))
    with stream:
        same([float(each) for each in stream.read().split()], wanted)
    assert kind.startswith("text/csv")
    records = answer(deserializers.RecordDeserializer())
    same([record.label["score"].float32_tensor.values[0] for record in records], wanted)
    # The media type has a charset as in SageMaker's own XGBoost container, which the SDK's PandasDeserializer does not
    # support.
    with pytest.raises(ValueError, match="text/csv; charset=utf-8"):
        answer(deserializers.PandasDeserializer(accept="text/csv"))


def test_an_answer_that_the_model_does_not_have_is_refused(sdk):
    from sagemaker.deserializers import NumpyDeserializer
    from sagemaker.serializers import CSVSerializer
    with pytest.raises(ClientError, match=r"ModelError.*\(406\)"):
        predictor(sdk, CSVSerializer(), NumpyDeserializer()).predict(sdk.full)


@pytest.mark.parametrize("body, kind, words", [
    ("1,2,x,4,5", "text/csv", "column 3"), ("[[1, 2, 3, 4, \"x\"]]", "application/json", "column 5"),
    ("[1,2,3,4,5]\n[1,2,3,4", "application/jsonlines", "line 2"), ("0 0:1 1:x", "text/libsvm", "row 1"),
    (b"\x93NUMPY", "application/x-npy", "npy"), (b"PAR1", "application/x-parquet", "arquet"),
    (b"\x0a\x23\xd7\xce", "application/x-recordio-protobuf", "record"),
])
def test_bodies_that_make_no_sense(sdk, body, kind, words):
    from sagemaker.serializers import IdentitySerializer
    with pytest.raises(ClientError, match=rf"ModelError.*\(415\).*{words}"):
        predictor(sdk, IdentitySerializer(kind)).predict(body)
