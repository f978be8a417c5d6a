"""Tools of ML engineers that keep artifacts in S3: MLflow's artifact store and DVC's remotes."""
from pathlib import Path

from conftest import content_of, keys_of, run


def test_mlflow_artifacts(server, s3, bucket, large, tmp_path, aws_environment, monkeypatch):
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", server.endpoint)
    monkeypatch.setenv("MLFLOW_ENABLE_MULTIPART_UPLOAD", "true")
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    tree = tmp_path / "model"
    (tree / "data").mkdir(parents=True)
    (tree / "MLmodel").write_text("flavors: {}\n")
    (tree / "data/model ü.pkl").write_bytes(large)
    repository = get_artifact_repository(f"s3://{bucket}/0/run/artifacts")
    repository.log_artifacts(str(tree), "model")
    repository.log_artifact(str(tree / "MLmodel"))
    assert keys_of(s3, bucket) == ["0/run/artifacts/MLmodel", "0/run/artifacts/model/MLmodel", "0/run/artifacts/model/data/model ü.pkl"]
    assert content_of(s3, bucket, "0/run/artifacts/model/data/model ü.pkl") == large
    assert [(f.path, f.is_dir) for f in repository.list_artifacts()] == [("MLmodel", False), ("model", True)]
    assert [(f.path, f.file_size) for f in repository.list_artifacts("model/data")] == [("model/data/model ü.pkl", len(large))]
    back = Path(repository.download_artifacts("model", str(tmp_path)))
    assert (back / "data/model ü.pkl").read_bytes() == large
    repository.delete_artifacts("model")
    assert keys_of(s3, bucket) == ["0/run/artifacts/MLmodel"]


def test_dvc_remote(server, s3, bucket, large, tmp_path, aws_environment, monkeypatch, capfd):
    repository, copy = tmp_path / "repository", tmp_path / "copy"
    repository.mkdir()
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    from dvc.cli import main

    def dvc(*words, cwd=repository):
        """Runs the command line in this process, since each start takes seconds."""
        monkeypatch.chdir(cwd)
        capfd.readouterr()
        status = main(list(words))
        said = capfd.readouterr()
        assert status == 0, said
        return said.out

    dvc("init", "--no-scm", "-q")
    dvc("remote", "add", "-d", "store", f"s3://{bucket}/dvc")
    dvc("remote", "modify", "store", "endpointurl", server.endpoint)
    (repository / "data.bin").write_bytes(large)
    (repository / "folder").mkdir()
    for i in range(20):
        (repository / f"folder/{i}.csv").write_text(f"{i},{i * i}\n")
    dvc("add", "-q", "data.bin", "folder")
    dvc("push", "-q")
    assert len(keys_of(s3, bucket, "dvc/")) == 22  # the file, the folder's files, and its list
    run("cp", "-r", repository, copy)
    run("rm", "-rf", copy / ".dvc/cache", copy / "data.bin", copy / "folder")
    dvc("pull", "-q", cwd=copy)
    assert (copy / "data.bin").read_bytes() == large and (copy / "folder/7.csv").read_text() == "7,49\n"
    (copy / "data.bin").write_bytes(b"changed")
    dvc("add", "-q", "data.bin", cwd=copy)
    assert "new" in dvc("status", "--cloud", cwd=copy)
    dvc("push", "-q", cwd=copy)
    dvc("gc", "-q", "-f", "-w", "--cloud", cwd=copy)  # removes from the remote what the workspace does not use
    assert len(keys_of(s3, bucket, "dvc/")) == 22
