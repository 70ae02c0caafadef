"""Settings that all tests share."""

from hypothesis import HealthCheck, settings

# Runs share two cores with others: a slow example says nothing about the code. The seed is the
# same in every run, so that a failure seen once is seen again.
settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=5000)
settings.load_profile("default")
