"""Finding faster GPU kernels: the decision (verify), the search (run), and kernels by rule.

By rule, from a module's graph (plain data) to a whole file with Triton kernels of its own: graph → lower (what each operation
means, in few words) → ir (cleaned while it is built) → plan (which of it is one kernel) → render (Triton, and the host's
code) → forward (the calls, for one shape) → assemble (one file for all shapes) → tuner (which numbers, for each shape).
"""
