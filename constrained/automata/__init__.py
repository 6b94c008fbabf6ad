"""Finite automata as tables over characters or bytes, and the boolean algebra on them."""
