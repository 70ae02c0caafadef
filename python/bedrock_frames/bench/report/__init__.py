"""What a run found: typed results, whether to trust them, and the forms they are written in."""
