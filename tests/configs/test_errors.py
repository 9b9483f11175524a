"""What a user gave stands in messages, whatever it is; a message is one line all the same."""

from configs import UserError
from configs.errors import LONGEST_MESSAGE


def test_a_message_is_one_line_that_a_terminal_can_show() -> None:
    assert str(UserError("a\n  b\tc")) == "a b c"
    assert str(UserError("\x1b[31m \0 \x9b \udcff é")) == r"\x1b[31m \x00 \x9b \udcff é"


def test_the_middle_of_a_very_long_message_is_left_out() -> None:
    message = str(UserError(f"my.yaml: {'x' * 10**6}: too long; shorten it"))
    assert len(message) < LONGEST_MESSAGE + 10
    assert message.startswith("my.yaml: xxx") and message.endswith("xxx: too long; shorten it") and " ... " in message
