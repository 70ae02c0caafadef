"""Bedrock's event grammar, its service model, and the native families of InvokeModel."""
