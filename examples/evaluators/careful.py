"""An evaluator that hands the question to `codeopt verify`: candidate apart, clock outside, fresh inputs.

    codeopt audit --evaluator 'python examples/evaluators/careful.py {task} {reference} {candidate}'

The inputs of task.json become a generator; what it gives for a size and a seed is one of them.
"""

import json
import os
import subprocess
import sys
import tempfile

GENERATOR = """
import copy

CASES = {cases!r}


def make(size, seed):
    near = sorted(CASES, key=lambda case: abs(case["size"] - size))[:2]
    return tuple(copy.deepcopy(near[seed % len(near)]["args"]))
"""

with open(sys.argv[1], encoding="utf-8") as file:
    task = json.load(file)
with tempfile.TemporaryDirectory() as folder:
    generator = os.path.join(folder, "generator.py")
    with open(generator, "w", encoding="utf-8") as file:
        file.write(GENERATOR.format(cases=task["inputs"] + task["large_inputs"]))
    command = [sys.executable, "-m", "codeopt", "verify", sys.argv[2], sys.argv[3], "--json", "--pairs", "10"]
    command += ["--function", task["function"], "--inputs", generator + ":make", *sys.argv[4:]]
    done = subprocess.run(command, capture_output=True, text=True)
if done.returncode == 2:
    sys.exit(done.stderr)
verdict = json.loads(done.stdout)
speedup = (verdict["holdout"] or {"speedup": 1.0})["speedup"]
why = {"why": verdict["status"], "evidence": verdict["evidence"].splitlines()[:1]}
print(json.dumps({"accepted": verdict["accepted"], "speedup": round(speedup, 2), **why}))
