"""What can go wrong in the engine, as a tree.

    EngineError
    ├── ConfigError          the caller is wrong: a setting cannot be meant
    ├── ModelError           the caller is wrong: the model folder is missing, broken or not supported
    ├── RequestError         the caller is wrong: this request can never run
    ├── Overloaded           try again: queue full
    └── EngineStopped        the engine was closed, or failed beyond this request

Our own mistakes are assertions that carry the values. A failing request becomes an error on that request; it
never ends the engine.
"""


class EngineError(Exception):
    """Root of what the engine raises."""


class ConfigError(EngineError, ValueError):
    """A setting that cannot be meant; the message names the field."""


class ModelError(EngineError, ValueError):
    """A model that cannot be loaded; the message names what is missing or unsupported and the remedy."""


class RequestError(EngineError, ValueError):
    """A request that can never run here; the message names the field and the limit."""


class Overloaded(EngineError):
    """The queue is full; the same request may succeed a little later."""


class EngineStopped(EngineError):
    """The engine no longer runs this request: it was closed, or the device failed."""
