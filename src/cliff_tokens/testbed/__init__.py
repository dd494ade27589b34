"""The embedded testbed: synthetic mathematics and the small language models trained on it."""
