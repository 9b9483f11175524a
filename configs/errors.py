"""The one exception for everything that a user can put right."""

import re

LONGEST_MESSAGE = 2000
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class UserError(Exception):
    """A mistake in a flag, a setting, a data file or a user's own code.

    The message is one line that names what is wrong, where, and what to do. Scripts print it to stderr
    without a traceback and exit with status 2. What the user gave stands in it, whatever that is: the middle of a
    very long message is left out, and characters that a terminal would obey or cannot show are escaped.

    Args:
        message: the line.
        details: lines printed below it: where in a user's own code the error is. Most mistakes have none.
    """

    def __init__(self, message: str, details: str = "") -> None:
        line = " ".join(str(message).split())
        if len(line) > LONGEST_MESSAGE:
            line = f"{line[: LONGEST_MESSAGE - 500]} ... {line[-500:]}"
        super().__init__(_UNPRINTABLE.sub(lambda found: f"{ascii(found[0])[1:-1]}", line))
        self.details = details
