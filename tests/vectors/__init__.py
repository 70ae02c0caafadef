"""The project's own vectors: JSON files, one a theme, and the script that writes them.

``python -m tests.vectors.make`` regenerates them; a test holds that they are what it writes.
"""
