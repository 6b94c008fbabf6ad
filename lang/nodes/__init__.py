"""What a program says, as frozen data, and the words that make it."""
