"""Tests by subject, a folder each; the helpers that they share are in :mod:`tests.support`."""
