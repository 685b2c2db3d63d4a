"""Texts for a program's stdin from the user's generator: make(size, seed) -> str or bytes."""

import importlib.util
import time


def load_generator(path, name):
    """The user's generator function; its file is run here, inside the sandbox."""
    spec = importlib.util.spec_from_file_location("codeopt_user_inputs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def run(request, context):
    """request: file, name, wanted [[size, seed], …], seconds. Reply: texts, one for each that was made in time."""
    make = load_generator(request["file"], request["name"])
    started = time.monotonic()
    texts = []
    for size, seed in request["wanted"]:
        if time.monotonic() - started > request["seconds"]:
            break
        text = make(size, seed)
        if isinstance(text, str):
            text = text.encode("utf-8", "surrogatepass")
        if not isinstance(text, (bytes, bytearray)):
            return {"error": "make(size, seed) returned %s instead of text for stdin" % type(text).__name__}
        texts.append(bytes(text))
    return {"texts": texts}
