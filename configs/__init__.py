"""Settings: the schema, the flags that all scripts share, where files go, and errors for users."""

from configs.errors import UserError
from configs.schema import Config, DynamicConfig, ModelConfig, TaskConfig, load_config

__all__ = ["Config", "DynamicConfig", "ModelConfig", "TaskConfig", "UserError", "load_config"]
