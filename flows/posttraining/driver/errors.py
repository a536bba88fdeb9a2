"""The one exception that becomes the driver's `error` event."""

from posttraining.contracts.driver_event import ErrorCode


class DriverError(Exception):
    """A request that cannot be carried out.

    Attributes:
        code: the kind of error, for programs.
        message: what is wrong and what to do about it, for people.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
