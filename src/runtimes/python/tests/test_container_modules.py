"""The helper modules of SageMaker's containers, as scripts import them."""
import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

RUNTIME = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(RUNTIME))


class ModulesTest(unittest.TestCase):
    def test_every_module_can_be_imported(self):
        names = [".".join(path.relative_to(RUNTIME).with_suffix("").parts).removesuffix(".__init__")
                 for folder in RUNTIME.glob("sagemaker_*") for path in folder.rglob("*.py")]
        self.assertGreater(len(names), 40)
        for name in names:
            importlib.import_module(name)

    def test_framework_names(self):
        from sagemaker_containers.beta.framework import content_types, encoders, env, worker
        self.assertEqual(encoders.encode([0.5, 1.5], content_types.JSON), "[0.5, 1.5]")
        self.assertEqual(encoders.encode([[1, 2], [3, 4]], "text/csv"), "1,2\n3,4\n")
        self.assertEqual(encoders.encode([0.5, 1.5], "text/csv"), "0.5\n1.5\n")
        self.assertEqual(encoders.decode("1,2\n3,4", content_types.CSV).tolist(), [[1.0, 2.0], [3.0, 4.0]])
        array = encoders.decode(encoders.encode([[1.5]], content_types.NPY), content_types.NPY)
        self.assertEqual(array.tolist(), [[1.5]])
        response = worker.Response(json.dumps({"a": 1}), mimetype="application/json")
        self.assertEqual((response.get_data(), response.mimetype), (b'{"a": 1}', "application/json"))
        self.assertEqual(worker.Response("x", "text/csv").mimetype, "text/csv")
        self.assertTrue(env.ServingEnv().default_accept)

    def test_unsupported_types_are_errors(self):
        from sagemaker_inference import decoder, errors as inference_errors
        from sagemaker_training import encoders, errors
        with self.assertRaises(errors.UnsupportedFormatError):
            encoders.encode([1], "image/png")
        with self.assertRaises(inference_errors.UnsupportedFormatError) as raised:
            decoder.decode("x", "image/png")
        self.assertEqual(raised.exception.status_code, 415)

    def test_a_pickled_array_of_a_request_is_refused(self):
        import io

        import numpy
        from sagemaker_inference import decoder
        buffer = io.BytesIO()
        numpy.save(buffer, numpy.array([{}], dtype=object), allow_pickle=True)
        with self.assertRaises(ValueError):
            decoder.decode(buffer.getvalue(), "application/x-npy")

    def test_dmatrices(self):
        import numpy
        from sagemaker_algorithm_toolkit import exceptions
        from sagemaker_xgboost_container import data_utils, encoder
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.csv").write_text("1,0.5,2\n0,,3\n")
            (pathlib.Path(folder) / "deep").mkdir()
            (pathlib.Path(folder) / "deep/b.csv").write_text("1,7,8\n")
            matrix = data_utils.get_dmatrix(folder, "text/csv; label_size=1")
            self.assertEqual((matrix.num_row(), matrix.num_col()), (3, 2))
            self.assertEqual(matrix.get_label().tolist(), [1.0, 0.0, 1.0])
            with self.assertRaises(exceptions.UserError):
                data_utils.get_dmatrix(folder, "text/csv;label_size=0")
        self.assertEqual(data_utils.get_content_type(None), "libsvm")
        found = encoder.decode(b"1 0:0.5 3:2\n0 1:4", "text/libsvm")
        self.assertEqual((found.num_row(), found.num_col()), (2, 4))
        sparse = found.get_data().toarray()
        self.assertTrue(numpy.array_equal(sparse, [[0.5, 0, 0, 2], [0, 4, 0, 0]]))
        self.assertEqual(encoder.csv_to_dmatrix("1;2\n3;").num_nonmissing(), 3)
        self.assertEqual(encoder.json_to_jsonlines({"predictions": [{"score": 1}, {"score": 2}]}),
                         b'{"score": 1}\n{"score": 2}\n')

    def test_recordio_is_what_the_sdk_writes(self):
        import io

        import numpy
        from sagemaker.amazon.common import write_numpy_to_dense_tensor, write_spmatrix_to_sparse_tensor
        from scipy.sparse import csr_matrix
        from tidemill_containers import recordio
        for kind in (numpy.float32, numpy.float64):
            buffer = io.BytesIO()
            write_numpy_to_dense_tensor(buffer, numpy.array([[1.5, 2], [3, 4]], kind), numpy.array([0, 1], kind))
            features, labels = recordio.read(buffer.getvalue())
            self.assertEqual(features.tolist(), [[1.5, 2], [3, 4]])
            self.assertEqual(labels.tolist(), [0, 1])
        buffer = io.BytesIO()
        write_spmatrix_to_sparse_tensor(buffer, csr_matrix([[0, 2.5, 0], [1, 0, 0]]), numpy.array([1.0, 0.0]))
        features, labels = recordio.read(buffer.getvalue())
        self.assertEqual(features.toarray().tolist(), [[0, 2.5, 0], [1, 0, 0]])
        with self.assertRaises(ValueError):
            recordio.read(b"x" * 20)

    def test_checkpoints_go_on(self):
        import numpy
        import xgboost
        from sagemaker_xgboost_container import checkpointing
        data = xgboost.DMatrix(numpy.random.default_rng(1).random((30, 2)), label=numpy.arange(30) % 2)
        arguments = {"params": {"objective": "binary:logistic"}, "dtrain": data, "num_boost_round": 7}
        with tempfile.TemporaryDirectory() as folder:
            checkpointing.train({**arguments, "num_boost_round": 3}, folder)
            self.assertEqual(checkpointing.load_checkpoint(folder)[1], 3)
            booster = checkpointing.train(arguments, folder)
            self.assertEqual(booster.num_boosted_rounds(), 7)
            names = sorted(os.listdir(folder))
        self.assertIn("xgboost-checkpoint.6", names)
        whole = xgboost.train(**arguments)
        self.assertTrue(numpy.array_equal(whole.predict(data), booster.predict(data)))

    def test_one_host_is_the_master(self):
        from sagemaker_xgboost_container import distributed
        seen = []
        distributed.rabit_run(lambda **args: seen.append(args), {"a": 1}, True, ["algo-1"], "algo-1",
                              update_rabit_args=True)
        self.assertEqual(seen, [{"a": 1, "is_master": True}])

    def test_environment(self):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "input/config"
            config.mkdir(parents=True)
            (config / "hyperparameters.json").write_text(json.dumps(
                {"epochs": "3", "name": '"a"', "sagemaker_program": '"train.py"', "sagemaker_job_name": '"j"'}))
            (config / "inputdataconfig.json").write_text('{"train": {}}')
            (config / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
            script = ("from sagemaker_training import environment\n"
                      "import sagemaker_containers, json\n"
                      "a, b = environment.Environment(), sagemaker_containers.training_env()\n"
                      "assert dict(a) == dict(b)\n"
                      "print(json.dumps([a.hyperparameters, a.channel_input_dirs, a.module_name, a.job_name,"
                      " a.is_master, a['current_host'], a.to_cmd_args(), a.to_env_vars()['SM_HP_EPOCHS']]))")
            said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={
                **os.environ, "PYTHONPATH": str(RUNTIME), "TIDEMILL_ML_ROOT": folder})
            self.assertEqual(said.returncode, 0, said.stderr)
            self.assertEqual(json.loads(said.stdout), [
                {"epochs": 3, "name": "a"}, {"train": f"{folder}/input/data/train"}, "train", "j", True, "algo-1",
                ["--epochs", "3", "--name", "a"], "3"])

    def test_an_installed_package_takes_the_place_of_ours(self):
        with tempfile.TemporaryDirectory() as folder:
            package = pathlib.Path(folder) / "sagemaker_training"
            package.mkdir()
            (package / "__init__.py").write_text("from . import environment\nWHO = 'the real one'\n")
            (package / "environment.py").write_text("WHERE = __file__\n")
            # The folder comes after PYTHONPATH, like site-packages.
            script = (f"import sys; sys.path.append({folder!r})\nimport sagemaker_training, sagemaker_training.environment as e\n"
                      "print(sagemaker_training.WHO, e.WHERE)")
            said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                                  env={**os.environ, "PYTHONPATH": str(RUNTIME)})
            self.assertEqual(said.stdout.strip(), f"the real one {package}/environment.py", said.stderr)


class FailureTest(unittest.TestCase):
    def test_the_exceptions_own_line(self):
        from tidemill_training.failure import failure_text
        stderr = ("warning: x\nTraceback (most recent call last):\n  File \"train.py\", line 3, in <module>\n    fit()\n"
                  "xgboost.core.XGBoostError: [12:00:00] src/data/data.cc:1: Check failed: valid: Input data contains `inf`\n"
                  "Stack trace:\n  [bt] (0) /lib/libxgboost.so(+0x22dcbb) [0x7f]\n"
                  "  [bt] (1) /lib/libxgboost.so(XGDMatrixCreate+0x8f) [0x7f]\n\n\n")
        text = failure_text(["python", "train.py"], 1, stderr)
        self.assertIn('ErrorMessage "xgboost.core.XGBoostError: [12:00:00] src/data/data.cc:1: Check failed: valid: '
                      'Input data contains `inf`"', text)
        self.assertNotIn("[bt]", text)
        self.assertNotIn("Stack trace", text)

    def test_neither_the_interpreters_folder_nor_silence(self):
        from tidemill_training.failure import failure_text
        text = failure_text(["/srv/env/bin/python", "-u", "train.py"], 139, "")
        self.assertIn('ErrorMessage "the script was ended by SIGSEGV"', text)
        self.assertIn('Command "python -u train.py"', text)


if __name__ == "__main__":
    unittest.main()
