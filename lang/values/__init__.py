"""Values: typed answers, as schemas before they are written and as values while they grow.

    schemas (a Python type's JSON Schema, by pydantic)    schema_parts (small changes of a schema)
    schema_text (a schema in few words, for prompts)      growing (JSON text while it is written)
    partial (the typed view of a value that is not complete)

`lang/types` decides which types are JSON at all. Nothing here knows gens, states and backends.
"""
