"""A transformers model in `codeopt optimize`: its server, what it answers and counts, and that it is gone when it should be."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from codeopt.agent.budget import Budget, Meter
from codeopt.agent.models import hf_server
from codeopt.agent.models.chat import ChatClient, ModelUnavailable, Request
from codeopt.agent.models.endpoint import Endpoint
from codeopt.agent.models.hf import HfModel
from codeopt.agent.proposers.base import ProposeContext, ProposerSettings
from codeopt.agent.proposers.llm import LlmProposer
from codeopt.agent.proposers.llm_calls import Bill
from codeopt.errors import UserError
from codeopt.trace import Bodies, ProposalAnswer, ProposalIntent, read_trace
from codeopt.types import Candidate, Proposal
from tests import tinymodel
from tests.commandline import MAKE, SLOW_DEDUPE, codeopt, put

for name in ("torch", "transformers", "peft"):
    pytest.importorskip(name, reason=f"{name} is not installed")
LIGHT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinymodel.make(tmp_path_factory.mktemp("tiny"), context=16384)


@pytest.fixture(scope="module")
def endpoint(folder: Path) -> Iterator[Endpoint]:
    with hf_server.serving(str(folder)) as found:
        yield found


def endless(folder: Path) -> Path:
    """A model whose answers have no end: the token for it is one that its weights do not know."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tinymodel.make(folder, context=16384))
    tokenizer.add_special_tokens({"eos_token": "<never>"})
    tokenizer.save_pretrained(folder)
    told = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**told, "eos_token_id": tokenizer.eos_token_id}))
    return folder


def serving(model: Path) -> bool:
    """Whether a process serves that model."""
    return bool(subprocess.run(["pgrep", "-f", f"codeopt.agent.models.hf_server {model}"], capture_output=True).stdout)


def request(text: str, **more: Any) -> Request:
    return Request(**{"model": "m", "messages": ({"role": "user", "content": text},), "max_tokens": 40, "temperature": 0.8, "seed": 3, **more})


def test_a_server_answers_as_the_model_does(folder: Path, endpoint: Endpoint) -> None:
    client = ChatClient(endpoint, 60, 0, 0.1)
    assert client.check() == [str(folder)]
    asked = [request("Hello."), request("Hello.", seed=4), request("Grüße ☃", top_p=0.9, temperature=None), request("x", temperature=0.0, schema={"type": "object"})]
    replies = [client.ask(one) for one in asked]
    assert replies == [reply for one in asked for _, reply in HfModel(str(folder)).answers([one])]
    assert len({reply.text for reply in replies}) == 4 and not any(reply.estimated for reply in replies)


def test_what_it_cannot_answer_is_said(endpoint: Endpoint) -> None:
    client = ChatClient(endpoint, 60, 0, 0.1)
    with pytest.raises(ModelUnavailable, match=r"the local model answered 400 \(a prompt has \d+ tokens and the context"):
        client.ask(request("word " * 20_000))
    at = urlsplit(endpoint.url).netloc
    for path, body in (("/v1/chat/completions", b"[1]"), ("/v1/chat/completions", b'{"stream": true}'), ("/v1/other", b"{}")):
        connection = http.client.HTTPConnection(at)
        connection.request("POST", path, body)
        answer = connection.getresponse()
        assert answer.status in (400, 404) and json.loads(answer.read())["error"]["message"]
    assert client.ask(request("Hello.")).tokens_out == 40


def test_out_of_time_nothing_computes_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = endless(tmp_path / "tiny")
    put(tmp_path, json="raise SystemExit('nothing is imported from the folder of a program')")
    monkeypatch.chdir(tmp_path)
    proposer = LlmProposer(ProposerSettings(models=(f"hf:{model}",), answer_tokens=2_000))
    (calls,) = proposer.kit.every()
    parent = Candidate(id="c0", parent="", proposal=Proposal(source="x", proposer="", note=""))
    messages = [{"role": "user", "content": "Hello."}]
    try:
        proposer.check(Budget(), "function")
        assert serving(model) and calls.price is not None and calls.price.of(1000, 1000) == 0
        client = calls._chat(None)
        cut = client.ask(request("Hello.", max_tokens=12_000), 1.0)
        assert cut.finish == "time" and cut.text and cut.estimated
        assert client.ask(request("Hello."), 20).tokens_out == 40, "who hangs up leaves the server free"
        cut = calls.ask(ProposeContext(parent=parent, source="x", meter=Meter(Budget(wall_s=1.0))), messages, Bill())
        assert cut.finish == "time" and not serving(model)
        again = calls.ask(ProposeContext(parent=parent, source="x", meter=Meter(Budget(wall_s=60))), messages, Bill())
        assert again.finish == "length" and again.tokens_out == 2_000
    finally:
        proposer.close()
    assert not serving(model)


def test_a_run_counts_its_calls_repeats_them_and_goes_on(tmp_path: Path) -> None:
    model = tinymodel.make(tmp_path / "tiny")
    tinymodel.adapt(model, tmp_path / "adapter")
    put(tmp_path, dedupe=SLOW_DEDUPE, make=MAKE)
    name = f"hf:{model}@{tmp_path / 'adapter'}"
    words = ("optimize", "dedupe.py", "--inputs", "make.py:make", "--sandbox", "process", "--no-crosshair", "--strategy", "sample")
    done = codeopt(*words, "--model", name, "--proposer", "llm", "--time", "90", "--max-tokens", "11000", "--run", "run", "--json", cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 1, done.stderr
    (account,) = json.loads(done.stdout)["models"]
    assert account["model"] == name and account["calls"] >= 1 and account["lost"] == 0 and account["dollars"] == 0
    assert not serving(model)

    events = list(read_trace(tmp_path / "run"))
    intents = [event for event in events if isinstance(event, ProposalIntent)]
    answers = [event for event in events if isinstance(event, ProposalAnswer)]
    assert len(intents) == len(answers) == account["calls"]
    assert sum(one.tokens_in + one.tokens_out for one in answers) == account["tokens_in"] + account["tokens_out"] <= 11_000
    bodies = Bodies(tmp_path / "run/bodies")
    asker = HfModel(f"{model}@{tmp_path / 'adapter'}")
    told = json.loads(bodies.get(intents[0].prompt_sha256))
    again = Request("m", tuple(told["messages"]), told["max_tokens"], told["temperature"], intents[0].seed)
    ((_, reply),) = asker.answers([again])
    first = answers[0]
    assert (bodies.get(first.answer_sha256), first.tokens_in, first.tokens_out, first.finish) == (reply.text, reply.tokens_in, reply.tokens_out, reply.finish)

    done = codeopt("optimize", "--resume", "run", "--max-tokens", "60000", "--json", cwd=tmp_path, env=LIGHT, seconds=300)
    assert done.returncode == 1, done.stderr
    later = [event for event in list(read_trace(tmp_path / "run"))[len(events) :] if isinstance(event, ProposalAnswer)]
    assert [one.answer_sha256 for one in later if one.cached] == [one.answer_sha256 for one in answers], "answered calls are not made again"
    (whole,) = json.loads(done.stdout)["models"]
    assert whole["calls"] == account["calls"] + sum(not one.cached for one in later) > account["calls"]
    assert not serving(model)


def test_bad_input_is_one_line(folder: Path, tmp_path: Path) -> None:
    put(tmp_path, f=SLOW_DEDUPE)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn/config.json").write_text("{}")
    for model, says in ((f"hf:{tmp_path}/nowhere", "no model .*nowhere' here"), (f"hf:{folder}@{folder}", "no adapter_config.json"), ("hf:torn", "torn cannot be loaded")):
        done = codeopt("optimize", "f.py", "--model", model, cwd=tmp_path, env=LIGHT)
        assert done.returncode == 2 and "Traceback" not in done.stderr and re.search(says, done.stderr.splitlines()[-1]), done.stderr
    with pytest.raises(UserError, match=r"torn cannot be loaded .*: check that it is a whole causal"), hf_server.serving(str(tmp_path / "torn")):
        pass
