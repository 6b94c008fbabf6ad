"""One run of a function: its scope, its loop, its events, its end."""
