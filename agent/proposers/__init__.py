"""Proposers: what turns a program and what is known about it into an edit. Found by the name of their module."""

from codeopt.agent.proposers.base import ProposeContext, Proposer, ProposerSettings, find_proposer

__all__ = ["ProposeContext", "Proposer", "ProposerSettings", "find_proposer"]
