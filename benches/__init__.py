"""Benchmarks: ``python -m benches.run`` measures, ``python -m benches.report`` writes them down.

Each script says in its first line what it compares. ``harness`` measures within this process,
``kit`` and ``serving`` measure servers from outside, ``outcome`` is the form of every result.
"""
