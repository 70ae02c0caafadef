"""Real clients of Bedrock, each in an environment of its own, as their users run them."""
