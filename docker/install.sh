#!/bin/sh
# Install a wheel of bedrock-frames and what the server needs into a virtual environment at PREFIX: the
# one step that makes the image, and that the tests take without Docker.
#   install.sh WHEEL PREFIX [EXTRAS]
set -eu
wheel=$1 prefix=$2 extras=${3:-server}
python3 -m venv "$prefix"
"$prefix/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "${wheel}[$extras]"
# Nothing is installed when it runs.
"$prefix/bin/python" -m pip uninstall --quiet --disable-pip-version-check --yes pip
