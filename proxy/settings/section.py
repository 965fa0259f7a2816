"""
What every mapping of the configuration is made of.
"""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """
    A mapping with known keys only. Strict: YAML has its own types, and `yes` is no number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
