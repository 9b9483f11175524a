"""Settings: the schema, the flags that all scripts share, where files go, and errors for users."""

import os

from configs.errors import UserError
from configs.schema import Config, DynamicConfig, ModelConfig, TaskConfig, load_config

__all__ = ["Config", "DynamicConfig", "ModelConfig", "TaskConfig", "UserError", "load_config"]

# The processes that read images compete with torch's threads for the cores. Threads that wait in a busy loop, as they
# do by default, then slow training several times. This is read when torch is loaded, in scripts after this module.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
