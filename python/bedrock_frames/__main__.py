"""``python -m bedrock_frames``: the command line."""

import sys

from bedrock_frames.cli import main

sys.exit(main())
