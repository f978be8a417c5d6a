import pytest


@pytest.fixture(scope="module")
def environment(server):
    """The environment of `tidemill env`, with which an unmodified SDK finds the server."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.env().items():
            patch.setenv(name, value)
        yield
