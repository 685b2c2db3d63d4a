"""ENAMEL's evaluator (`pip install enam`) on a folder of `codeopt audit`.

    codeopt audit --evaluator 'python examples/evaluators/enam_adapter.py {task} {reference} {candidate}'

One problem is built from the folder: the reference is its reference solution, the inputs of task.json come out of
its input generator, and its checker compares type and value, as most of ENAMEL's own do (floats within the task's
tolerance). A candidate is accepted where enam says pass@1 = 1. enam's time limit is twice the reference's time, so
eff@1 = 1 for a copy of the reference and at most 2 for a candidate that takes no time: what is told as the speedup
is 1 / (2 - eff@1), the reference's time over the candidate's.
"""

import contextlib
import io
import json
import os
import sys
import tempfile

import pandas as pd
from enam.evaluate import Evaluator

LIMIT = 2.0  # times the longest time of the reference
GENERATOR = """
import json

def generate_input(size, lid, cid):
    return json.loads({text!r})[lid][cid]
"""
CHECKER = """
import math

def __close(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol={rel!r}, abs_tol={abs!r})
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(__close(x, y) for x, y in zip(a, b))
    return a == b

def __check(input, answer, output):
    return type(output) == type(answer) and __close(answer, output)
"""

with open(sys.argv[1], encoding="utf-8") as file:
    task = json.load(file)
with open(sys.argv[2], encoding="utf-8") as file:
    reference = file.read()
with open(sys.argv[3], encoding="utf-8") as file:
    candidate = file.read()
small = [case["args"] for case in task["inputs"] if case["size"] > 0]
levels = [small, [case["args"] for case in task["large_inputs"]]]
problem = {
    "task_id": task["name"],
    "prompt": "def __problem(*_):",  # what enam puts before each text it runs, and completes where there is nothing else
    "input_generator": "    pass\n" + GENERATOR.format(text=json.dumps(levels)),
    "input_levels": "1 2",
    "reference_solution": "    pass\n" + reference,
    "checker": CHECKER.format(**task["tolerance"]),
    "entry_point": task["function"],
}
# The candidate may write to the terminal; enam's own words go to nobody.
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    table = os.path.join(folder, "problem.csv")
    pd.DataFrame([problem]).to_csv(table, index=False)
    evaluator = Evaluator(
        problems=table,
        subset=None,
        n_tests=[len(level) for level in levels],
        n_reps=5,
        hardness=[0.0, 1.0],
        memory_giga=4.0,
        timeout_factor=LIMIT,
        tolerence_sec=0.01,
        seed=0,
    )
    evaluator.make_tests()
    metrics = evaluator.evaluate({0: ["    pass\n" + candidate]}, k=[1])
passed, eff = float(metrics["pass@1"]), float(metrics["eff@1"])
speedup = 1 / max(1e-3, LIMIT - eff)
print(json.dumps({"accepted": passed == 1.0, "speedup": round(speedup, 2), "pass@1": passed, "eff@1": round(eff, 3)}))
