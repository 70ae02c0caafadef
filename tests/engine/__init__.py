"""The replay engine without a socket: matching, sequences, plans, schedules, the journal."""
