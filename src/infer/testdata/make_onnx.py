"""Makes onnx_ml-<version of skl2onnx>.zip of onnx_ml_test.cc: scikit-learn's models and pipelines, and
models of XGBoost, LightGBM and CatBoost, as ONNX; the answers are ONNX Runtime's.

    python make_onnx.py DIRECTORY   (checked in: skl2onnx 1.17.0 with onnx 1.16.2, scikit-learn 1.5.2,
                                     onnxmltools 1.13.0, xgboost 2.1.4, lightgbm 4.5.0, catboost 1.2.7)
"""
import pathlib
import sys
import tempfile
import warnings

import catboost
import lightgbm
import numpy
import onnx
import onnxmltools
import onnxruntime
import skl2onnx
import xgboost
from onnx import TensorProto, helper, numpy_helper
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (BaggingClassifier, ExtraTreesRegressor, GradientBoostingClassifier,
                              GradientBoostingRegressor, HistGradientBoostingClassifier,
                              HistGradientBoostingRegressor, IsolationForest,
                              RandomForestClassifier, RandomForestRegressor)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (LinearRegression, LogisticRegression, PoissonRegressor,
                                  Ridge, SGDClassifier)
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (Binarizer, MinMaxScaler, Normalizer, OneHotEncoder,
                                   OrdinalEncoder, PowerTransformer, RobustScaler, StandardScaler)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import parity

warnings.filterwarnings("ignore")
missing_rows = parity.make_rows()
rows = parity.make_rows(missing=False)
target = parity.make_target(rows)
classes = numpy.floor(target - target.min()).clip(0, 3).astype(int)
binary = (target > 0.8).astype(int)
names = numpy.array(["no", "yes"])[binary]
bundle = parity.Bundle(pathlib.Path(sys.argv[1]) / f"onnx_ml-{skl2onnx.__version__}.zip")


def answer(model, data):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    if len(session.get_inputs()) == 1:
        feed = {session.get_inputs()[0].name: data}
    else:
        feed = {one.name: data[:, i:i + 1] for i, one in enumerate(session.get_inputs())}
    outputs = session.run(None, feed)
    scores = next((o for o in outputs if isinstance(o, list) or o.dtype.kind == "f"), outputs[0])
    if isinstance(scores, list):
        scores = numpy.array([list(row.values()) for row in scores])
    scores = scores.reshape(len(data), -1)
    probabilities = len(outputs) > 1 and numpy.allclose(scores.sum(axis=1), 1)
    return scores[:, 1] if probabilities and scores.shape[1] == 2 else scores


def keep(case, model, data):
    for node in model.graph.node:  # samples a node, which nothing reads
        for attribute in list(node.attribute):
            if attribute.name == "nodes_hitrates":
                node.attribute.remove(attribute)
    model.ClearField("metadata_props")
    operators = sorted({node.op_type for node in model.graph.node})
    print(" ".join(operators), end=" <- ")
    bundle.add(case, model.SerializeToString(), answer(model, data))


def sklearn_case(case, model, label=None, data=rows, **options):
    model.fit(data, label)
    final = model.steps[-1][1] if hasattr(model, "steps") else model
    keep(case, skl2onnx.to_onnx(model, data[:1], target_opset={"": 17, "ai.onnx.ml": 3},
                                options={id(final): options} if options else None), data)


few = {"n_estimators": 4, "max_depth": 4, "random_state": 3}
sklearn_case("standard_logistic", make_pipeline(StandardScaler(), LogisticRegression()), binary)
sklearn_case("minmax_logistic", make_pipeline(MinMaxScaler(), LogisticRegression()), classes)
sklearn_case("robust_linear", make_pipeline(RobustScaler(), LinearRegression()), target)
sklearn_case("normalizer_ridge", make_pipeline(Normalizer(), Ridge()), target)
sklearn_case("normalizer_l1", make_pipeline(Normalizer("l1"), Ridge()), target)
sklearn_case("binarizer", make_pipeline(Binarizer(threshold=0.1), LinearRegression()), target)
sklearn_case("two_targets", LinearRegression(), numpy.stack([target, -target], axis=1))
sklearn_case("imputer", make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
             binary, missing_rows)
columns = ColumnTransformer([
    ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), [0, 1, 2]),
    ("one_hot", OneHotEncoder(handle_unknown="ignore"), [5]),
    ("ordinal", OrdinalEncoder(), [6])], remainder="passthrough")
strict = ColumnTransformer([("one_hot", OneHotEncoder(), [5, 6])])  # refuses unknown categories
sklearn_case("one_hot_strict", make_pipeline(strict, LinearRegression()), target)
sklearn_case("columns_logistic", make_pipeline(columns, LogisticRegression(max_iter=500)), binary)
sklearn_case("columns_forest", make_pipeline(columns, RandomForestClassifier(**few)), classes)
sklearn_case("forest", RandomForestClassifier(**few), binary)
sklearn_case("forest_no_zipmap", RandomForestClassifier(**few), classes, zipmap=False)
sklearn_case("forest_names", RandomForestClassifier(**few), names)
sklearn_case("forest_regressor", RandomForestRegressor(**few), target)
sklearn_case("extra_trees", ExtraTreesRegressor(**few), target)
sklearn_case("boosting", GradientBoostingClassifier(**few), binary)
sklearn_case("boosting_classes", GradientBoostingClassifier(**few), classes)
sklearn_case("boosting_regressor", GradientBoostingRegressor(**few), target)
sklearn_case("hist_boosting", HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=9), binary,
             missing_rows)
sklearn_case("hist_boosting_classes", HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=9),
             classes, missing_rows)
sklearn_case("hist_boosting_regressor", HistGradientBoostingRegressor(max_iter=4, max_leaf_nodes=9),
             target, missing_rows)
sklearn_case("tree", DecisionTreeClassifier(max_depth=4), classes)
sklearn_case("tree_regressor", DecisionTreeRegressor(max_depth=4), target)
sklearn_case("isolation_forest", IsolationForest(n_estimators=4, max_samples=16, random_state=3))
sklearn_case("sgd", make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=3)),
             binary)
sklearn_case("linear_svc", make_pipeline(StandardScaler(), LinearSVC(random_state=3)), binary,
             raw_scores=False)
sklearn_case("perceptron", make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=30,
                                                                         random_state=3)), classes)
sklearn_case("naive_bayes", GaussianNB(), classes)
sklearn_case("poisson", make_pipeline(StandardScaler(), PoissonRegressor()), numpy.exp(target / 2))
sklearn_case("pca", make_pipeline(PCA(3), LogisticRegression()), binary)
sklearn_case("kmeans", KMeans(3, random_state=3, n_init=1))
sklearn_case("power", make_pipeline(PowerTransformer(), LinearRegression()), target)
sklearn_case("bagging", BaggingClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=3,
                                          random_state=3), binary)

float_input = [("X", onnxmltools.convert.common.data_types.FloatTensorType([None, parity.COLUMNS]))]
boost = {"n_estimators": 4, "max_depth": 4, "n_jobs": 1, "random_state": 3}
for case, estimator, label in (
        ("xgboost", xgboost.XGBClassifier(**boost), binary),
        ("xgboost_classes", xgboost.XGBClassifier(**boost), classes),
        ("xgboost_regressor", xgboost.XGBRegressor(**boost), target)):
    estimator.fit(missing_rows, label)
    keep(case, onnxmltools.convert_xgboost(estimator, initial_types=float_input), missing_rows)
for case, estimator, label in (
        ("lightgbm", lightgbm.LGBMClassifier(**boost, verbose=-1), binary),
        ("lightgbm_classes", lightgbm.LGBMClassifier(**boost, verbose=-1), classes),
        ("lightgbm_regressor", lightgbm.LGBMRegressor(**boost, verbose=-1), target)):
    estimator.fit(missing_rows, label)
    keep(case, onnxmltools.convert_lightgbm(estimator, initial_types=float_input), missing_rows)
for case, estimator, label in (
        ("catboost", catboost.CatBoostClassifier, binary),
        ("catboost_classes", catboost.CatBoostClassifier, classes),
        ("catboost_regressor", catboost.CatBoostRegressor, target)):
    model = estimator(iterations=4, depth=4, verbose=False, allow_writing_files=False)
    model.fit(rows, label)
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        model.save_model(file.name, format="onnx")
        keep(case, onnx.load(file.name), rows)


def graph_case(case, nodes, inputs=None, constants=(), opsets=(("", 17), ("ai.onnx.ml", 3)),
               data=rows, output=TensorProto.FLOAT):
    """A graph by hand, for what no converter at hand writes."""
    inputs = inputs or [helper.make_tensor_value_info("X", TensorProto.FLOAT,
                                                      [None, parity.COLUMNS])]
    graph = helper.make_graph(
        nodes, case, inputs, [helper.make_tensor_value_info("Y", output, None)],
        [numpy_helper.from_array(value, name) for name, value in constants])
    keep(case, helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid(domain, version) for domain, version in opsets]), data)


def tree_nodes(modes, values, **attributes):
    """x5 <mode> value ? 1 : (x6 <mode> value ? 10 : 100)"""
    return helper.make_node(
        "TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml",
        nodes_treeids=[0] * 5, nodes_nodeids=[0, 1, 2, 3, 4], nodes_featureids=[5, 0, 6, 0, 0],
        nodes_modes=[modes[0], "LEAF", modes[1], "LEAF", "LEAF"],
        nodes_values=[values[0], 0.0, values[1], 0.0, 0.0], nodes_truenodeids=[1, 0, 3, 0, 0],
        nodes_falsenodeids=[2, 0, 4, 0, 0], target_treeids=[0, 0, 0], target_nodeids=[1, 3, 4],
        target_ids=[0, 0, 0], target_weights=[1.0, 10.0, 100.0], n_targets=1, **attributes)


for tracks in (0, 1):
    for first, second in (("LT", "GT"), ("GTE", "LEQ"), ("EQ", "NEQ"), ("NEQ", "EQ")):
        graph_case(f"modes_{first}_{second}_{tracks}".lower(),
                   [tree_nodes(["BRANCH_" + first, "BRANCH_" + second], [4.0, 20.0],
                               nodes_missing_value_tracks_true=[tracks] * 5)], data=missing_rows)
graph_case("average_with_base", [tree_nodes(["BRANCH_LEQ", "BRANCH_LT"], [4.0, 20.0],
                                            aggregate_function="AVERAGE", base_values=[0.5])])
graph_case("several_inputs", [
    helper.make_node("FeatureVectorizer", [f"x{i}" for i in range(parity.COLUMNS)], ["all"],
                     domain="ai.onnx.ml", inputdimensions=[1] * parity.COLUMNS),
    helper.make_node("ReduceL2", ["all"], ["Y"], axes=[1])],
    inputs=[helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, [None, 1])
            for i in range(parity.COLUMNS)])
graph_case("shapes", [
    helper.make_node("Slice", ["X", "zero", "three", "one"], ["left"]),
    helper.make_node("Gather", ["X", "picked"], ["right"], axis=1),
    helper.make_node("Concat", ["left", "right"], ["both"], axis=-1),
    helper.make_node("Transpose", ["both"], ["turned"], perm=[1, 0]),
    helper.make_node("Unsqueeze", ["turned", "zero"], ["deep"]),
    helper.make_node("ReduceMax", ["deep"], ["largest"], axes=[1], keepdims=0),
    helper.make_node("Reshape", ["largest", "column"], ["tall"]),
    helper.make_node("Clip", ["tall", "low", "high"], ["clipped"]),
    helper.make_node("Softmax", ["both"], ["soft"], axis=1),
    helper.make_node("Gemm", ["soft", "matrix", "bias"], ["product"], transB=1, alpha=0.5),
    helper.make_node("Concat", ["clipped", "product"], ["Y"], axis=1)],
    constants=[("zero", numpy.array([0])), ("three", numpy.array([3])), ("one", numpy.array([1])),
               ("picked", numpy.array([6, 4])), ("column", numpy.array([-1, 1])),
               ("low", numpy.array(0.0, "f4")), ("high", numpy.array(30.0, "f4")),
               ("matrix", numpy.arange(10, dtype="f4").reshape(2, 5)),
               ("bias", numpy.array([0.25, -0.5], "f4"))])
bundle.close()
