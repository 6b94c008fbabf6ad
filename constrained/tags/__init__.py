"""Free text in which what is begun must be finished as demanded."""
