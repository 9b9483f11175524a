"""The smaller network as an ONNX file, for every runtime that reads one; checked with onnxruntime."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from configs import UserError
from training.exporting.formats.base import Format, Predict
from training.exporting.formats.program import exported
from training.exporting.source import Source

CUDA = "CUDAExecutionProvider"
MOST_BYTES = 2**31
"""ONNX files hold no more in one piece."""


class Onnx(Format):
    """Input ``img`` [N, 3, H, W], an output for each task by its name; H and W are the exported ones."""

    name, ending, tolerance = "onnx", ".onnx", 1e-4
    needs = {
        "torch_pruning": "torch-pruning", "onnx": "onnx", "onnxscript": "onnxscript", "onnxruntime": "onnxruntime",
    }  # fmt: skip

    def write(self, source: Source, file: Path) -> None:
        if sum(p.numel() * p.element_size() for p in source.smaller[0].parameters()) >= MOST_BYTES:
            raise UserError("--formats: onnx files hold at most 2 GiB, this network is larger; leave onnx out")
        program = exported(source)
        with warnings.catch_warnings(action="ignore"):
            torch.onnx.export(
                program, f=str(file), input_names=["img"], output_names=list(source.setup.tasks),
                dynamo=True, external_data=False, verbose=False,
            )  # fmt: skip

    def open(self, source: Source, file: Path) -> Predict:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        providers: list[tuple[str, dict[str, int]]] = [("CPUExecutionProvider", {})]
        if source.setup.runtime.device.type == "cuda" and CUDA in onnxruntime.get_available_providers():
            providers.insert(0, (CUDA, {"use_tf32": 0}))
        session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=providers)
        tasks = list(source.setup.tasks)

        def predict(image: Tensor) -> dict[str, Tensor]:
            given = {"img": image.cpu().contiguous().numpy()}
            return dict(zip(tasks, map(torch.from_numpy, session.run(tasks, given)), strict=True))

        return predict

    def counted(self, source: Source) -> nn.Module:
        return source.smaller[0]
