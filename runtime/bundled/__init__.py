"""The bundled model: a small one that does real work without a download or a GPU.

`BUNDLED` is its folder, as any other model's: config.json, model.safetensors, tokenizer.json, chat template. It is made
by examples/seedling, which says what it can do.
"""

from pathlib import Path

BUNDLED = Path(__file__).parent / "seedling"
