"""From a constraint to its grammar: front ends, workers, and what is kept in memory and on disk."""
