"""Many runs of one function, with a checkpoint and a progress bar."""
