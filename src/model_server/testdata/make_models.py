"""Makes the tests' ONNX models, and the answers of Python's onnxruntime to one input each.

    python make_models.py        (onnx 1.20, onnxruntime 1.30, numpy)
"""
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
random = np.random.default_rng(7)


def weights(name, *shape):
    return numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)


def info(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def save(name, nodes, inputs, outputs, initializers):
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, HERE / f"{name}.onnx")


# Two layers, as in a small classifier.
save("mlp",
     [helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]), helper.make_node("Relu", ["h"], ["r"]),
      helper.make_node("Gemm", ["r", "w2", "b2"], ["s"]), helper.make_node("Softmax", ["s"], ["y"])],
     [info("x", ["batch", 4])], [info("y", ["batch", 3])],
     [weights("w1", 4, 8), weights("b1", 8), weights("w2", 8, 3), weights("b2", 3)])
# Inputs of tokens and numbers, and two outputs.
save("two",
     [helper.make_node("Gather", ["table", "tokens"], ["e"]),
      helper.make_node("ReduceSum", ["e", "one"], ["t"], keepdims=0),
      helper.make_node("Add", ["t", "numbers"], ["sum"]),
      helper.make_node("ArgMax", ["sum"], ["best"], axis=1, keepdims=0)],
     [info("tokens", ["batch", "length"], TensorProto.INT64), info("numbers", ["batch", 2])],
     [info("sum", ["batch", 2]), info("best", ["batch"], TensorProto.INT64)],
     [weights("table", 10, 2), numpy_helper.from_array(np.array([1]), "one")])
# The first dimension is not a batch: every row changes all answers.
save("centred",
     [helper.make_node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1),
      helper.make_node("Sub", ["x", "m"], ["y"])],
     [info("x", ["length", 2])], [info("y", ["length", 2])], [])
# An image and its convolution.
save("image",
     [helper.make_node("Conv", ["x", "k"], ["c"]),
      helper.make_node("GlobalAveragePool", ["c"], ["y"])],
     [info("x", ["batch", 1, 4, 4])], [info("y", ["batch", 2, 1, 1])], [weights("k", 2, 1, 3, 3)])

cases = {
    "mlp": {"x": np.array([[1, -2, 0.5, 3], [0, 0.25, -1, 2]], np.float32)},
    "two": {"tokens": np.array([[1, 2, 3], [9, 0, 4]]), "numbers": np.array([[0.5, 1], [2, -1]], np.float32)},
    "centred": {"x": np.array([[1, 2], [3, 8], [5, 5]], np.float32)},
    "image": {"x": (np.arange(16, dtype=np.float32) / 8 - 1).reshape(1, 1, 4, 4)},
}
expected = {}
for name, inputs in cases.items():
    session = onnxruntime.InferenceSession(HERE / f"{name}.onnx", providers=["CPUExecutionProvider"])
    outputs = session.run(None, inputs)
    expected[name] = {"inputs": {k: v.tolist() for k, v in inputs.items()},
                      "outputs": {o.name: v.tolist() for o, v in zip(session.get_outputs(), outputs)}}
(HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
