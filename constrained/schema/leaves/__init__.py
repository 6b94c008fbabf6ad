"""Leaves: strings and numbers as rules.

texts       what schemas say about strings          numbers     what they say about numbers
labels      automata run side by side               amount      one schema's bounds, steps and lists
counting    lengths in the register                 judged      numbers of several schemas
listing     values that several schemas list        regions     numbers by their place among bounds
formats     the formats that are enforced           interval    digit by digit: integers and multiples
leaf        automata as rules                       scientific  numbers with an exponent
writing     JSON strings and numbers as written     decimals    exact arithmetic
"""
