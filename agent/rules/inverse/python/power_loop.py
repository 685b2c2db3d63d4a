"""`a ** n` of integers -> repeated multiplication."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codeopt.agent.rules.base import Code, Rewrite
from codeopt.agent.rules.inverse._facts import calls
from codeopt.agent.rules.inverse._sites import helper, places

SUMMARY = "a ** n and pow(a, n) of integers -> n multiplications; pow(a, n, m) -> the same with remainders"
EXPECTS = "O(log n) -> O(n)"
SOURCE = "Naive exponentiation (CLRS, 31.6); usual in beginners' solutions"

_BODY = """
def NAME(base, exponent):
    if exponent < 0:
        return base ** exponent
    result = 1
    for _ in range(exponent):
        result = result * base
    return result
"""
_MODULAR = """
def NAME(base, exponent, modulus):
    if exponent < 0 or modulus == 0:
        return pow(base, exponent, modulus)
    result = 1 % modulus
    for _ in range(exponent):
        result = result * base % modulus
    return result
"""


def apply(code: Code) -> Iterator[Rewrite]:
    for place in places(code, ast.BinOp, ast.Call):
        node = place.node
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            args = [node.left, node.right]
        elif isinstance(node, ast.Call) and calls(code.text, node, "pow", most=3, least=2):
            args = node.args
        else:
            continue
        if all(place.kinds.is_(a, "int") for a in args):
            three = len(args) == 3
            yield from helper(place, "power_modulo" if three else "power_of", _MODULAR if three else _BODY, args, "power -> multiplications")
