"""Standard output and error that cannot end a program: full, closed, or of an encoding that lacks a character."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Stream:
    """A text stream whose failures are noted; what is written after the first one is lost.

    Days of training must not end because the disk that takes its log is full.

    Attributes:
        failure: the first error; None: all has been written so far.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text; characters that the stream's encoding lacks are escaped."""
        try:
            return self._stream.write(text)
        except UnicodeEncodeError as error:
            return self.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        except OSError as failure:
            self._fail(failure)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as failure:
            self._fail(failure)

    def _fail(self, failure: OSError) -> None:
        self.failure = self.failure or failure
        # What is still in buffers goes nowhere, so that neither later writes nor the interpreter's end fail again.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextmanager
def unfailing_streams() -> Iterator[tuple[Stream, Stream]]:
    """Inside, ``sys.stdout`` and ``sys.stderr`` are such streams; yields them."""
    for number in range(3):  # where one was closed, the next file to be opened would take its place and be printed into
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    closed = OSError(errno.EBADF, "it is closed")
    streams = []
    for stream in before:
        streams.append(Stream(io.StringIO() if stream is None else stream))
        streams[-1].failure = closed if stream is None else None
    sys.stdout, sys.stderr = streams
    try:
        yield streams[0], streams[1]
    finally:
        for stream in streams:
            stream.flush()
        sys.stdout, sys.stderr = before
