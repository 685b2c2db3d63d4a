"""`python script.py TEXT FILE ROOTS -- ARGS`: runs the candidate's text as the script FILE would run.

TEXT is the path of the candidate's text; FILE is what `__file__`, tracebacks and sys.argv[0] show; ROOTS are import
roots joined with os.pathsep. The folder of FILE comes first on the path, as for any script.
"""

import os
import sys


def run():
    text, file, roots = sys.argv[1:4]
    sys.argv = [file] + sys.argv[5:]
    sys.path[0] = os.path.dirname(file)
    sys.path[1:1] = [root for root in roots.split(os.pathsep) if root and root != sys.path[0]]
    with open(text, "rb") as source:
        code = compile(source.read(), file, "exec")
    scope = sys.modules["__main__"].__dict__
    for name in ("run", "os", "sys"):
        del scope[name]
    scope["__file__"] = file
    exec(code, scope)  # inside the sandbox, in a process of its own


run()
