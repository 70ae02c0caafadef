"""Import layers, dependencies, extras and types of the package."""
