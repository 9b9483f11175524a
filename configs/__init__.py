"""Settings: the schema, the flags that all scripts share, where files go, and errors for users."""

# isort: off
from configs.process.interrupted import quiet_while_starting

quiet_while_starting()  # before the imports that take time
# isort: on

from configs.errors import UserError  # noqa: E402
from configs.schema import Config, DynamicConfig, ModelConfig, TaskConfig, load_config  # noqa: E402

__all__ = ["Config", "DynamicConfig", "ModelConfig", "TaskConfig", "UserError", "load_config"]
