"""What a grammar means for a vocabulary: which tokens may follow, and which text is forced."""
