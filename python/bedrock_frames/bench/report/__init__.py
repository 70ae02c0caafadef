"""Results of a run: typed, judged for trustworthiness, and written in several formats."""
