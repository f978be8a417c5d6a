"""Makes linear-<version of mxnet>.zip of linear_test.cc with MXNet, in the layouts that SageMaker's
kmeans, pca and linear-learner write their model_algo-1 in.

    python make_linear.py DIRECTORY     (checked in: mxnet 1.9.1 with numpy 1.23.5)
"""
import io
import json
import pathlib
import sys
import tempfile
import zipfile

import mxnet
import numpy

import parity

rows = parity.make_rows(missing=False)
random = numpy.random.default_rng(5)
bundle = parity.Bundle(pathlib.Path(sys.argv[1]) / f"linear-{mxnet.__version__}.zip")


def saved(arrays):
    with tempfile.NamedTemporaryFile() as file:
        mxnet.nd.save(file.name, arrays)
        return pathlib.Path(file.name).read_bytes()


def linear_learner(case, predictor_type, loss_type, output, outputs, threshold=0.5,
                   fully_connected=False, packing=zipfile.ZIP_STORED):
    weight = random.normal(size=(parity.COLUMNS, outputs)).astype("f4") / 4
    weight[5:7] /= 20
    bias = random.normal(size=(1, outputs)).astype("f4") / 4
    data = mxnet.sym.Variable("data")
    w = mxnet.sym.Variable("fc0_weight", shape=weight.shape)
    b = mxnet.sym.Variable("fc0_bias", shape=bias.shape)
    if fully_connected:
        line = mxnet.sym.FullyConnected(data, num_hidden=outputs, name="fc0")
        weight, bias = weight.T, bias[0]
    else:
        line = mxnet.sym.broadcast_plus(mxnet.sym.dot(data, w), b)
    symbol = output(line, mxnet.sym.Variable("out_label"))
    module = mxnet.mod.Module(symbol, label_names=["out_label"])
    module.bind([("data", rows.shape)], [("out_label", (len(rows),) if outputs > 1 else
                                          (len(rows), 1))], for_training=False)
    module.set_params({"fc0_weight": mxnet.nd.array(weight), "fc0_bias": mxnet.nd.array(bias)}, {})
    module.forward(mxnet.io.DataBatch([mxnet.nd.array(rows)]), is_train=False)
    scores = module.get_outputs()[0].asnumpy()
    archive = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(archive, "w", packing) as files:
        module.save_checkpoint(folder + "/mx-mod", 0)
        settings = {"threshold": threshold, "loss_type": loss_type,
                    "predictor_type": predictor_type}
        for name, content in (
                ("additional-params.json", json.dumps(settings)),
                ("manifest.json", json.dumps({"additional-params.json": "json",
                                              "mx-mod": "mxnet_module", "version": 1})),
                ("mx-mod-symbol.json", pathlib.Path(folder, "mx-mod-symbol.json").read_text()),
                ("mx-mod-0000.params", pathlib.Path(folder, "mx-mod-0000.params").read_bytes())):
            files.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, packing)
    if predictor_type == "binary_classifier":
        scores = numpy.concatenate([scores, scores > threshold], axis=1)
    elif predictor_type == "multiclass_classifier":
        scores = numpy.concatenate([scores, scores.argmax(axis=1)[:, None]], axis=1)
    bundle.add(case, archive.getvalue(), scores)


centers = random.normal(size=(5, parity.COLUMNS)).astype("f4")
centers[:, 5:7] += [5, 25]
distances = numpy.linalg.norm(rows[:, None, :].astype("f8") - centers.astype("f8"), axis=2)
bundle.add("kmeans", saved([mxnet.nd.array(centers)]),
           numpy.stack([distances.argmin(axis=1), distances.min(axis=1)], axis=1))
v = numpy.linalg.qr(random.normal(size=(parity.COLUMNS, 3)))[0].astype("f4")
mean = rows.mean(axis=0)
for case, arrays, answer in (
        ("pca", {"mean": mean.reshape(1, -1), "v": v, "s": numpy.array([3.0, 2.0, 1.0])},
         (rows - mean).astype("f8") @ v),
        ("pca_no_mean", {"v": v.astype("f8")}, rows.astype("f8") @ v)):
    bundle.add(case, saved({name: mxnet.nd.array(value, dtype=value.dtype)
                            for name, value in arrays.items()}), answer)
linear_learner("regressor", "regressor", "squared_loss", mxnet.sym.LinearRegressionOutput, 1)
linear_learner("binary", "binary_classifier", "logistic", mxnet.sym.LogisticRegressionOutput, 1,
               threshold=0.37)
linear_learner("multiclass", "multiclass_classifier", "softmax_loss", mxnet.sym.SoftmaxOutput, 4,
               packing=zipfile.ZIP_DEFLATED)
linear_learner("fully_connected", "regressor", "absolute_loss", mxnet.sym.MAERegressionOutput, 1,
               fully_connected=True)
bundle.close()
