"""Backends: where text is generated. `base` is the seam every one of them fills; `fake` answers from a script."""
