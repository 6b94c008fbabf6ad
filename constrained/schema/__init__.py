"""JSON Schema."""

from .lower import lower_schema

__all__ = ["lower_schema"]
