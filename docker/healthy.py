"""Exit with 0 if the server at the port that is given, or at 4010, is ready."""

import sys
from urllib.request import urlopen

port = int(sys.argv[1]) if len(sys.argv) > 1 else 4010
try:
    with urlopen(f"http://127.0.0.1:{port}/ready", timeout=2):
        pass
except OSError as error:
    sys.exit(f"not ready: {error}")
