"""The program that this project began with, word for word but for the port."""

import sys

from strands import Agent
from strands.models import BedrockModel

Agent(model=BedrockModel(endpoint_url=sys.argv[1]))("hello")
