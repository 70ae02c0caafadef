"""Two reports side by side, with confidence intervals."""
