"""A multi-task network: one shared backbone, one head per task."""

from collections.abc import Mapping

from torch import Tensor, nn

from configs.errors import UserError


class MultitaskNet(nn.Module):
    """Backbone and heads; tasks are known by their names everywhere.

    Attributes:
        backbone: image [N, 3, H, W] -> features [N, C, h, w].
        heads: for each task, features -> prediction [N, channels, h, w].
    """

    def __init__(self, backbone: nn.Module, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name in heads:
            if not name or "." in name:
                raise UserError(f"task '{name}': a task's name is not empty and has no dot")
        self.backbone = backbone
        self.heads = nn.ModuleDict(heads)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Predictions of every task, by name."""
        features = self.backbone(x)
        return {task: head(features) for task, head in self.heads.items()}
