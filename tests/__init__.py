"""Tests by behaviour; the independent encoder that they share is :mod:`tests.wire`."""
