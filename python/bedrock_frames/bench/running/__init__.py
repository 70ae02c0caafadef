"""Running a benchmark: the generator, in one process or several, its progress and its end."""
