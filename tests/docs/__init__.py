"""Documents, benchmark results and the README say what is so."""
