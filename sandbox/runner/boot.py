"""Entry point inside the sandbox: `python boot.py`.

The runner's modules are loaded as the private package `_codeopt_runner`, so that nothing of ours can shadow a
module of the user's (a project with its own `codec.py` is common), and msgpack comes from the user's environment
or, where that has none, from the folder in CODEOPT_MSGPACK.
"""

import importlib.util
import os
import sys


def load_package(name, folder):
    """Load `folder` as the package `name` without touching sys.path."""
    spec = importlib.util.spec_from_file_location(
        name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)
    return package


def start():
    here = os.path.dirname(os.path.abspath(__file__))
    # `python boot.py` puts this folder first on the path; the user's program must not see it.
    if sys.path and os.path.abspath(sys.path[0] or ".") == here:
        del sys.path[0]
    if importlib.util.find_spec("msgpack") is None:
        load_package("msgpack", os.environ["CODEOPT_MSGPACK"])
    load_package("_codeopt_runner", here)
    from _codeopt_runner import main

    main.main()


if __name__ == "__main__":
    start()
