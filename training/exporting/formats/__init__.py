"""The forms in which a network can be exported. A new one is one file beside this and one line here."""

from collections.abc import Sequence

from configs import UserError
from training.exporting.formats.base import Format
from training.exporting.formats.compact import Compact
from training.exporting.formats.onnx import Onnx
from training.exporting.formats.program import Program
from training.exporting.formats.small import Small

FORMATS: dict[str, type[Format]] = {form.name: form for form in (Compact, Small, Program, Onnx)}


def chosen_formats(names: Sequence[str] | None) -> tuple[list[Format], list[str]]:
    """The forms to write, and in words which are left out since something is not installed.

    Args:
        names: as ``--formats`` gave them; None: all that can be written here.

    Raises:
        UserError: there is no such form, or one that was asked for needs what is not installed.
    """
    if names is None:
        missing = {name: form.missing() for name, form in FORMATS.items()}
        left_out = [f"{name} is left out: pip install {' '.join(what)}" for name, what in missing.items() if what]
        return [form() for name, form in FORMATS.items() if not missing[name]], left_out
    for name in names:
        if name not in FORMATS:
            raise UserError(f"--formats: unknown format '{name}'; choose from {', '.join(FORMATS)}")
        if what := FORMATS[name].missing():
            raise UserError(f"--formats: {name} needs what is not installed; run: pip install {' '.join(what)}")
    return [FORMATS[name]() for name in dict.fromkeys(names)], []
