"""Callers with policies that a test chooses: narrowed sessions of one role, with one client per service."""
import json

from botocore import xform_name
from botocore.exceptions import ClientError

DENIED = {"AccessDenied", "AccessDeniedException", "403"}
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Callers:
    """`server` is a support.server.Server; its role "caller" may do everything."""

    def __init__(self, server):
        self.server = server
        self.sts, self.iam = server.client("sts"), server.client("iam")
        self.account = self.sts.get_caller_identity()["Account"]
        trust = document({"Effect": "Allow", "Principal": {"AWS": self.account}, "Action": "sts:AssumeRole"})
        self.role = self.make_role("caller", ALL, trust=trust)
        self.clients = {}

    def make_role(self, name, *statements, trust=None, path="/"):
        trust = trust or document({"Effect": "Allow", "Action": "sts:AssumeRole",
                                   "Principal": {"AWS": self.account, "Service": "sagemaker.amazonaws.com"}})
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, Path=path)["Role"]["Arn"]
        if statements:
            self.put_policy(name, *statements)
        return arn

    def put_policy(self, name, *statements):
        return self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))

    def session(self, *statements, role=None, **more):
        """Credentials of the role, narrowed to the statements; without statements the role's own."""
        narrowing = {"Policy": document(*statements)} if statements else {}
        return self.sts.assume_role(RoleArn=role or self.role, RoleSessionName="session", **narrowing, **more)["Credentials"]

    def call(self, credentials, service, operation, **given):
        """Returns "denied", "ok" or the error's code."""
        client = self.clients.get(service)
        if client is None:
            client = self.clients[service] = self.server.client(service)
        signing = client._request_signer._credentials
        signing.access_key = credentials["AccessKeyId"]
        signing.secret_key = credentials["SecretAccessKey"]
        signing.token = credentials["SessionToken"]
        try:
            self.answer = getattr(client, xform_name(operation))(**given)
        except ClientError as error:
            self.error = error
            code = error.response["Error"]["Code"]
            return "denied" if code in DENIED else code
        if self.answer.get("Errors"):
            return "denied" if self.answer["Errors"][0]["Code"] in DENIED else self.answer["Errors"][0]["Code"]
        return "ok"
