"""Measurements of the server: its load, its bad days, its cost beside the engine alone."""
