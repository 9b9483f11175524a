"""Kinds of numbers and names that the settings take, each with its bounds."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

LONGEST_NAME = 100
"""Bytes. Names stand in those of files beside a method and others, and file systems end at 255."""


@dataclass(frozen=True)
class AtMost:
    """An upper bound, and in words why there is nothing beyond it."""

    most: int
    reason: str

    def __call__(self, value: int) -> int:
        if value > self.most:
            raise PydanticCustomError("at_most", f"should be at most {self.most:,}; {self.reason}")
        return value


def _no_truth_value(value: Any) -> Any:
    # Else true would be the number 1 without a word.
    if isinstance(value, bool):
        raise PydanticCustomError("number", "should be a number, not true or false")
    return value


def _in_32_bits(value: float) -> float:
    if value and not 1e-38 <= value <= 1e38:
        raise PydanticCustomError("float32", "should be from 1e-38 to 1e38; the 32-bit numbers of networks end there")
    return value


def _pair(value: Any) -> Any:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


def _short(name: str) -> str:
    if len(name.encode()) > LONGEST_NAME:
        raise PydanticCustomError("name", f"is too long for the names of files; at most {LONGEST_NAME} bytes")
    return name


def _of_bytes(value: float) -> float:
    if 0 < value < 1:
        raise PydanticCustomError("of_bytes", "is for pixels in 0..255; multiply what is meant for 0..1 by 255")
    return value


NUMBER = BeforeValidator(_no_truth_value)
IN_32_BITS = AfterValidator(_in_32_bits)

# Counts end where no machine gets to the end of them, so that a slip of the finger is not an exhausted memory.
Positive = Annotated[int, NUMBER, Field(gt=0), AfterValidator(AtMost(10_000_000, "more would take years"))]
Iterations = Annotated[int, NUMBER, Field(ge=0), AfterValidator(AtMost(10_000_000, "more would take years"))]
Images = Annotated[int, NUMBER, Field(gt=0), AfterValidator(AtMost(100_000, "no memory holds more images at once"))]
Pixels = Annotated[int, NUMBER, Field(gt=0), AfterValidator(AtMost(100_000, "no picture is larger"))]
Channels = Annotated[int, NUMBER, Field(gt=0), AfterValidator(AtMost(100_000, "no memory holds a wider layer"))]
Depth = Annotated[int, NUMBER, Field(gt=0), AfterValidator(AtMost(10_000, "no network is deeper"))]
Percent = Annotated[int, NUMBER, Field(gt=0, lt=100)]
Size = Annotated[tuple[Pixels, Pixels], BeforeValidator(_pair)]
Share = Annotated[float, NUMBER, Field(ge=0, le=1)]
NotNegative = Annotated[float, NUMBER, Field(ge=0, allow_inf_nan=False), IN_32_BITS]
Factor = Annotated[float, NUMBER, Field(gt=0, allow_inf_nan=False), IN_32_BITS]
FileName = Annotated[str, AfterValidator(_short)]
Brightness = Annotated[float, NUMBER, Field(ge=0, le=255), AfterValidator(_of_bytes)]
Contrast = Annotated[float, NUMBER, Field(gt=0, le=255), AfterValidator(_of_bytes)]
