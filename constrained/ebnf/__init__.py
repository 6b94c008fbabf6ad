"""EBNF grammars: from their text to a machine of rules over bytes."""
