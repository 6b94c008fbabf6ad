"""The state that a program writes to: its text, its turns, its variables, its branches."""
