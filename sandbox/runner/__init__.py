"""Runs inside the sandbox, under the user's interpreter: standard library and msgpack only, Python >= 3.9."""
