"""Exceptions of the containers' toolkits."""


class ClientError(Exception):
    """An error caused by the user, not by the framework."""


class _CalledProcessError(ClientError):
    def __init__(self, cmd, return_code=None, output=None, info=None):
        self.cmd, self.return_code, self.output, self.extra_info = cmd, str(return_code), output, info
        super().__init__()

    def __str__(self):
        output = self.output.decode("utf-8", "replace") if isinstance(self.output, bytes) else self.output
        lines = [f"{type(self).__name__}:", f"ExitCode {self.return_code}", f'ErrorMessage "{output or ""}"']
        if self.extra_info is not None:
            lines.append(f'ExtraInfo "{self.extra_info}"')
        return "\n".join(lines + [f'Command "{self.cmd}"'])


class InstallModuleError(_CalledProcessError):
    """A module could not be installed."""


class InstallRequirementsError(_CalledProcessError):
    """requirements.txt could not be installed."""


class ExecuteUserScriptError(_CalledProcessError):
    """The user's script failed."""


class ImportModuleError(ClientError):
    """A module could not be imported."""


class ChannelDoesNotExistError(Exception):
    def __init__(self, channel_name):
        super().__init__(f"Channel {channel_name} is not a valid channel")


class UnsupportedFormatError(Exception):
    """A content type that the default functions do not support."""

    def __init__(self, content_type, **kwargs):
        self.message = (f"Content type {content_type} is not supported by this framework. Please implement input_fn "
                        "to deserialize the request data or an output_fn to serialize the response.")
        super().__init__(self.message, **kwargs)


class BaseInferenceToolkitError(Exception):
    """An error with the status and the reason phrase that the client gets."""

    def __init__(self, status_code, message, phrase):
        self.status_code, self.message, self.phrase = status_code, message, phrase
        super().__init__(status_code, message, phrase)


class UnsupportedFormatInferenceError(BaseInferenceToolkitError):
    """UnsupportedFormatError of sagemaker_inference: answers with 415."""

    def __init__(self, content_type):
        super().__init__(415, str(UnsupportedFormatError(content_type)), "Unsupported Media Type")


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    def __init__(self, status_code, message=None, phrase=None):
        super().__init__(status_code, message or "Invalid Request", phrase or message or "Invalid Request")
