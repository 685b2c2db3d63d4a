"""`python command.py OVERLAY MODE NAME ARGS…`: runs the user's command with some files replaced by candidates' texts.

OVERLAY is a JSON file {real path: path of the text}; MODE is "script" or "module" (as `python -m`). Every import of a
replaced file, and the script itself, takes the text instead.
"""

import importlib.machinery as _machinery
import importlib.util as _util
import json as _json
import os as _os
import sys as _sys

_TEXTS = {}  # type: dict


class _Loader(_machinery.SourceFileLoader):
    def get_code(self, fullname):
        with open(_TEXTS[_os.path.realpath(self.path)], "rb") as file:
            return self.source_to_code(file.read(), self.path)


class _Finder:
    """Lets the ordinary finder work, then changes the loader of files that are replaced."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = _machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin and _os.path.realpath(spec.origin) in _TEXTS:
            spec.loader = _Loader(name, spec.origin)
            spec.cached = None
        return spec


def start():
    overlay, mode, name = _sys.argv[1:4]
    with open(overlay, encoding="utf-8") as file:
        _TEXTS.update({_os.path.realpath(real): text for real, text in _json.load(file).items()})
    _sys.meta_path.insert(0, _Finder)
    arguments = _sys.argv[4:]
    _sys.path[0] = _os.getcwd() if mode == "module" else _os.path.dirname(_os.path.abspath(name))
    package = None
    if mode == "module":
        spec = _util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = _util.find_spec(name + ".__main__")
        if spec is None or not spec.origin:
            _sys.exit("No module named " + name)
        path, package = spec.origin, spec.parent
    else:
        path = name
    _sys.argv = [path, *arguments]
    with open(_TEXTS.get(_os.path.realpath(path), path), "rb") as file:
        code = compile(file.read(), path, "exec")
    scope = _sys.modules["__main__"].__dict__
    del scope["start"]
    scope.update(__file__=path, __package__=package)
    exec(code, scope)  # inside the sandbox, in a process of its own


start()
