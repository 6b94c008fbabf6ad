"""Leaves: strings and numbers as rules.

texts       what schemas say about strings          numbers     what they say about numbers
labels      automata run side by side               interval    numbers within bounds
counting    lengths in the register                 leaf        automata as rules
writing     JSON strings and numbers as written     formats     the formats that are enforced
"""
