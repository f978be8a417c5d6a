"""AWS Key Management Service through boto3."""
import pytest
from botocore.exceptions import ClientError


def test_an_operation_that_is_not_here_is_refused_by_name(server):
    with pytest.raises(ClientError) as refused:
        server.client("kms").list_aliases()
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert response["Error"]["Message"].startswith("ListAliases of ")
    assert "is not implemented by Tidemill" in response["Error"]["Message"]
