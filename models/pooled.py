"""The head of tasks that say something of the whole image: the features' mean, and one linear layer."""

from torch import Tensor, nn

from configs.schema import ModelConfig


class PooledHead(nn.Module):
    """Features [N, in_channels, h, w], averaged over their pixels -> [N, out_channels, 1, 1].

    The shape of a map of one pixel, so that losses, metrics and estimators treat a label of the whole image like any
    other. ``model.dropout`` is applied to the averages.
    """

    def __init__(self, in_channels: int, out_channels: int, config: ModelConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(in_channels, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        means = features.mean((2, 3))
        return self.linear(self.dropout(means))[:, :, None, None]
