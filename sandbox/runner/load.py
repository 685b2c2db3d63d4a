"""Loading the program under test: the candidate's text stands in the place of its file, whatever imports it."""

import importlib
import importlib.machinery
import importlib.util
import linecache
import marshal
import os
import sys
import types

JITS = ("numba", "jax", "torch", "taichi")
NATIVE = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)


class OverlayLoader(importlib.machinery.SourceFileLoader):
    """Reads the candidate's text where the file's own text would be read, and never uses cached bytecode."""

    def __init__(self, name, path, source):
        super().__init__(name, path)
        self._source = source

    def get_data(self, path):
        if path == self.path:
            return self._source
        return super().get_data(path)

    def get_code(self, fullname):
        return self.source_to_code(self._source, self.path)


class OverlayFinder:
    """Finds exactly one module, the candidate."""

    def __init__(self, name, path, source):
        self.name, self.path, self.source = name, path, source
        self.found = False

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name:
            return None
        self.found = True
        package = os.path.basename(self.path) == "__init__.py"
        return importlib.util.spec_from_file_location(
            fullname,
            self.path,
            loader=OverlayLoader(fullname, self.path, self.source),
            submodule_search_locations=[os.path.dirname(self.path)] if package else None,
        )


class Context:
    """What an operation gets to see of the loaded program."""

    def __init__(self, codec):
        self.codec = codec
        self.module = None
        self.module_name = ""
        self.function = None
        self.function_name = ""
        self.owner = None
        self.file = ""
        self.project = []
        self.remote = None


def prepare(context, request):
    """Put the project on the path and the candidate in its place; run nothing yet."""
    for root in reversed(request["project"]):
        if root not in sys.path:
            sys.path.insert(0, root)
    context.project = list(request["project"])
    context.file = request["file"]
    context.module_name = request["module"]
    # The runner may use the same module of the standard library; the program gets the candidate.
    sys.modules.pop(request["module"], None)
    finder = OverlayFinder(request["module"], request["file"], request["source"])
    sys.meta_path.insert(0, finder)
    # inspect.getsource (and with it triton.jit) would read the file that the text stands for.
    lines = request["source"].decode("utf-8", "replace").splitlines(True)
    linecache.cache[request["file"]] = (len(request["source"]), None, lines, request["file"])
    if request.get("codec"):
        context.codec.load_user_codec(request["codec"])
    return finder


def preload(names, project):
    """Import installed libraries, before any text of the candidate's has run; a name that fails is left to it."""
    for name in names:
        try:
            spec = importlib.util.find_spec(name.partition(".")[0])
            origin = spec.origin or "" if spec else ""
            own = any(origin.startswith(root.rstrip("/") + "/") for root in project if root)
            if origin and (not own or "-packages/" in origin):  # a virtual environment may lie in the project
                importlib.import_module(name)
        except BaseException as error:
            sys.stderr.write("%s: %s\n" % (name, error))


def resolve(module, qualified):
    """The function of that qualified name, and the class that owns it."""
    owner, value = None, module
    for part in qualified.split("."):
        owner, value = value, getattr(value, part)
    return value, (owner if isinstance(owner, type) else None)


def load(context, request):
    """Import the candidate; returns what state it left the process in.

    A `bare` request imports nothing: it only says where the project is, for operations on whole commands.
    """
    if request.get("bare"):
        context.project = list(request["project"])
        context.file = request["file"]
        for root in reversed(context.project):
            if root not in sys.path:
                sys.path.insert(0, root)
        return {"threads": 1, "jit": []}
    finder = prepare(context, request)
    if request.get("cwd") and os.path.isdir(request["cwd"]):
        os.chdir(request["cwd"])
    sys.argv = [request["file"]]
    context.module = importlib.import_module(request["module"])
    if not finder.found:
        raise ImportError("%s was loaded from elsewhere, not as %s" % (request["module"], request["file"]))
    # Calls that were recorded in a script name its classes as those of __main__.
    context.codec.use_main(context.module)
    if request.get("function"):
        context.function_name = request["function"]
        context.function, context.owner = resolve(context.module, request["function"])
        if not callable(context.function):
            raise TypeError("%s is not a function" % request["function"])
    return {
        "threads": thread_count(),
        "jit": [name for name in JITS if name in sys.modules],
        "native": isinstance(context.function, NATIVE),
    }


def instances(context, count):
    """The function as `count` imports of the module would each define it, so that calls share nothing in it.

    Code objects are not shared either: an interpreter (3.11 and later) learns in them, and a first call learns from no other.
    """
    finder = next(one for one in sys.meta_path if isinstance(one, OverlayFinder))
    code = marshal.dumps(compile(finder.source, finder.path, "exec"))
    found = []
    for _ in range(count):
        names = {"__name__": context.module_name, "__file__": finder.path, "__builtins__": __builtins__}
        exec(marshal.loads(code), names)
        value = names[context.function_name.partition(".")[0]]
        for part in context.function_name.split(".")[1:]:
            value = getattr(value, part)
        found.append(value)
    return found


def thread_count():
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        import threading

        return threading.active_count()
