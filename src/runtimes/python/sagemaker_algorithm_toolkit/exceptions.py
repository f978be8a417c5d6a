"""Exceptions that say whose fault an error is."""


class BaseToolkitError(Exception):
    def __init__(self, message=None, caused_by=None):
        self.message, self.caused_by = message or "unknown error occurred", caused_by
        super().__init__(self.message)

    def public_failure_message(self):
        return f"{type(self).__name__}: {self.message}"

    def get_error_summary(self):
        return self.public_failure_message()


class UserError(BaseToolkitError):
    """The data or the parameters are wrong."""


class PlatformError(BaseToolkitError):
    """The platform failed."""


class AlgorithmError(BaseToolkitError):
    """The algorithm failed."""
