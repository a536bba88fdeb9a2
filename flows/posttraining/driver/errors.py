"""The one exception that becomes the driver's `error` event."""


class DriverError(Exception):
    """A request that cannot be carried out.

    Attributes:
        code: stable name of the kind of error, in kebab case, for programs.
        message: what is wrong and what to do about it, for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
