"""The benchmark harness: the load generator, reports, comparing, ``doctor``."""
