"""The one exception for everything that a user can put right."""


class UserError(Exception):
    """A mistake in a flag, a setting, a data file or a user's own code.

    The message is one line that names what is wrong, where, and what to do. Scripts print it to stderr
    without a traceback and exit with status 2.

    Args:
        message: the line.
        details: lines printed below it: where in a user's own code the error is. Most mistakes have none.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(" ".join(str(message).split()))
        self.details = details
