"""Corpus: schemas in the manner of those in use, with instances, made by a random generator and the same every time.

    for case in draw_cases("kubernetes", count=50): ...         # Case, as a batch has them

What real corpora are like (11,305 schemas from public repositories): 63 % have open objects, 8 % bound a string's
length (255 in the middle, up to 65,535), 4 % bound an array's (16 in the middle, up to 10,000), 4 % refer to
themselves, 1 % ask for unique items; the middle schema has 3 kB, one in a hundred 70. Instances are filled to be valid,
then half of them are spoilt in one place; what each of them is, the jsonschema library says.
"""

from .cases import FAMILIES, draw_cases, draw_schema, large_schemas
from .instances import open_validator

__all__ = ["FAMILIES", "draw_cases", "draw_schema", "large_schemas", "open_validator"]
