"""Helpers that tests share; none imports a test module."""
