"""Whether the runner is still the code that it was before a candidate was loaded.

A candidate shares its process with the runner and could put other functions in the runner's place: then what is
sent is what it likes. The identity of the runner's functions is noted before anything of a candidate's runs, and
compared before forks and after calls whose arguments are reported. The note is held in local variables of frames that are running, and
the message is made of C functions that were looked up at the start: none has a name that could be given another value.

Does not protect against: a candidate that walks frames or the garbage collector to this note itself.
"""

import builtins
import operator
import sys
import types
from _socket import socket as _socket

# What honest programs replace: loggers, mocks of input, import hooks.
OFTEN_REPLACED = {"print", "open", "input", "__import__", "breakpoint", "exit", "quit", "help", "copyright", "credits", "license"}
FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, type, property, staticmethod, classmethod)
PACKAGES = (__package__, "msgpack")


def take(sock):
    """(check, tell): the name of what was replaced or "", and a way to say so on the socket that asks no module."""
    places = []
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in PACKAGES:
            note(name, vars(module), places)
    core = {name: value for name, value in vars(builtins).items() if name not in OFTEN_REPLACED}
    places.append(("builtins", vars(builtins), [name for name, value in core.items() if callable(value)]))
    things = [(names.get, list(kept), [names[name] for name in kept], place) for place, names, kept in places]
    functions = list({id(f): f for _, _, values, _ in things for f in values if isinstance(f, types.FunctionType)}.values())
    codes = [function.__code__ for function in functions]
    # Loops in C: this runs for every sample. Identity, because a candidate's object may be equal to anything.
    every, each, same, code_of = all, map, operator.is_, operator.attrgetter("__code__")

    def check():
        for get, names, values, place in things:
            if not every(each(same, each(get, names), values)):
                return place
        return "" if every(each(same, each(code_of, functions), codes)) else "a function's code"

    send, pack = _socket.sendall, int.to_bytes

    def tell(broken):
        word = broken.encode("ascii", "replace")[:200]
        body = b"\x81\xa6sealed\xc4" + pack(len(word), 1, "big") + word  # msgpack: {"sealed": bytes}
        send(sock, pack(len(body), 8, "big") + body)

    return check, tell


def note(place, names, places):
    """Add (place, namespace, names of its functions and classes) of a namespace and of its own classes."""
    kept = [name for name, value in names.items() if isinstance(value, FUNCTIONS)]
    places.append((place, names, kept))
    for name in kept:
        value = names[name]
        if isinstance(value, type) and value.__module__ == place:
            note(place + "." + name, vars(value), places)
