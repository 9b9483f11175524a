"""The one exception for everything that a user can put right."""


class UserError(Exception):
    """A mistake in a flag, a setting or a data file.

    The message is one line that names what is wrong, where, and what to do. Scripts print it to stderr
    without a traceback and exit with status 2.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))
