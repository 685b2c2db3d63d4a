"""Draw inputs of known sizes, in the way that `op_generate` found or from the user's generator.

Request: wanted [[size, seed], …]; examples; way (a label of op_generate's reply), or file and name of a generator;
seconds (20), call_s (limit of one call of the baseline: 10).
Reply: calls ({"blob", "size", "raised"}), those that the baseline survives; why (the last failure).
"""

import random
import time

from .inputs_trial import Trials
from .op_generate import OF_EXAMPLES, from_file, ways_of


def run(request, context):
    until = time.monotonic() + float(request.get("seconds") or 20.0)
    trials = Trials(context, float(request.get("call_s") or 10.0))
    if request.get("file"):
        make = from_file(request, context)
    else:
        of_examples = request["way"].startswith(OF_EXAMPLES)
        ways = ways_of(request, context, trials, int(request.get("seed") or 0), until, of_examples)
        make = next((way for label, way, _ in ways if label == request["way"]), None)
        if make is None:
            return {"calls": [], "why": "the way %r is not there any more" % request["way"]}
    calls = []
    for size, seed in request["wanted"]:
        if time.monotonic() > until:
            break
        try:
            blob = trials.encode(make(size, random.Random("draw/%s/%s" % (size, seed))))
        except (ValueError, TypeError, ArithmeticError, IndexError, KeyError, RecursionError, MemoryError) as error:
            # A generator may have no input of a small size; the sizes that it has are what counts.
            trials.last_why = "%s: %s" % (type(error).__name__, error)
            continue
        outcome = trials.run(blob) if blob else None
        if outcome is not None and outcome.ok:
            calls.append({"blob": blob, "size": size, "raised": bool(outcome.raised), "seconds": outcome.seconds})
    return {"calls": calls, "why": trials.last_why}
