"""An evaluator as they are often written: candidate and reference in one process, one clock, answers compared by ==.

    codeopt audit --evaluator 'python examples/evaluators/naive.py {task} {reference} {candidate}'

Shows what gets past it; examples/evaluators/careful.py answers the same question in another way.
"""

import importlib.util
import json
import sys
import time


def load(name, path, function):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return lambda *args: getattr(module, function)(*args)


def seconds(function, inputs):
    started = time.perf_counter()
    for args in inputs:
        function(*args)
    return time.perf_counter() - started


with open(sys.argv[1], encoding="utf-8") as file:
    task = json.load(file)
reference = load("reference", sys.argv[2], task["function"])
candidate = load("candidate", sys.argv[3], task["function"])
correct = True
for case in task["inputs"] + task["large_inputs"]:
    expected = reference(*case["args"])
    if candidate(*case["args"]) != expected:
        correct = False
large = [case["args"] for case in task["large_inputs"]] * 5
print(json.dumps({"correct": correct, "speedup": seconds(reference, large) / seconds(candidate, large)}))
