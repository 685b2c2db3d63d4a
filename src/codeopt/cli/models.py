"""`codeopt models`: which models are here, whether one answers, and fetching one from the hub."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from codeopt.cli.eval_options import show
from codeopt.errors import UserError

if TYPE_CHECKING:
    from codeopt.agent.models.asker import Asker

app = typer.Typer(no_args_is_help=True, help="Models: what is here, whether one answers, fetching one.")
CONTEXT, MAX_TOKENS = 1024, 64
QUESTION = "Write a Python function that returns the sum of the squares of a list of numbers."
COLOUR = {
    "type": "object",
    "properties": {"colour": {"type": "string"}, "is_warm": {"type": "boolean"}},
    "required": ["colour", "is_warm"],
    "additionalProperties": False,
}


def _say(line: str) -> None:
    typer.echo(line, err=True)


@app.command("list")
def list_(
    base_url: Annotated[str, typer.Option(help="Also list what this OpenAI-compatible server offers.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the models in the models folder (CODEOPT_MODELS, else ~/.cache/codeopt/models) and the hub's cache. Exit codes: 0 listed, 2 bad input."""
    from codeopt.agent.models import hub, local
    from codeopt.agent.models.asker import client_of
    from codeopt.agent.models.endpoint import find_endpoint

    served = list[str]()
    if base_url:
        served = client_of(find_endpoint(base_url), _say, {}).check()
    folder = hub.models_folder()
    found = [*(local.in_folder(folder) if folder.is_dir() else ()), *local.in_hub_cache()]
    if as_json:
        typer.echo(json.dumps({"local": [asdict(one) for one in found], "served": served}))
        return
    rows = [
        [one.model, one.kind, hub.size(one.size), _count(one.parameters), one.precision or "-"] for one in found
    ] + [[name, "server", "-", "-", "-"] for name in served]
    if rows:
        show(["--model", "kind", "size", "parameters", "weights"], rows, whole=True)
    else:
        typer.echo(f"no models in {folder} or the hub's cache: codeopt models pull ORG/NAME fetches one")
    if base_url and not served:
        typer.echo(f"{base_url} lists no models")


@app.command()
def check(
    model: Annotated[str, typer.Argument(help="A model of an OpenAI-compatible server, gguf:FILE, hf:NAME or hf:DIR, these with @ADAPTER.")],
    base_url: Annotated[str, typer.Option(help="The server (default: OPENAI_BASE_URL, else OpenAI's).")] = "",
) -> None:
    """Ask a model one small question, as codeopt eval generate would. Exit codes: 0 it answers, 2 it does not."""
    from codeopt.agent.models.asker import opened
    from codeopt.agent.models.chat import Request

    started = time.monotonic()
    with opened(model, base_url, parallel=1, context=CONTEXT, batch=1, say=_say) as askers:
        ready = time.monotonic()
        request = Request(model, ({"role": "user", "content": QUESTION},), MAX_TOKENS, 0.0, 0)
        ((_, reply),) = askers[0].answers([request])
        took = time.monotonic() - ready
        if not reply.text.strip():
            raise UserError(f"{model} answered with no text ({reply.finish or 'no reason given'})", "name another model")
        obeys = _obeys_schema(askers[0], model)
    about = "about " if reply.estimated else ""
    show(
        ["check", model],
        [
            ["first line", reply.text.strip().splitlines()[0][:100]],
            ["ready after", f"{ready - started:.1f} s"],
            ["answered in", f"{took:.1f} s, the prompt included"],
            ["tokens", f"{about}{reply.tokens_in} in, {reply.tokens_out} out ({reply.finish or 'no reason given'})"],
            ["tokens/s", f"{reply.tokens_out / took:.1f}"],
            ["JSON schema", obeys],
        ],
    )


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="ORG/NAME on the hub.")],
    file: Annotated[str, typer.Option(help="Only the files that fit, like '*Q4_K_M.gguf'.")] = "",
) -> None:
    """Fetch a model from the hub into the models folder; what was broken off goes on. HF_ENDPOINT and HF_TOKEN count. Exit codes: 0 it is there, 2 bad input or no hub, 130 interrupted."""
    from codeopt.agent.models import hub

    found = hub.listing(name)
    files = hub.chosen(found, file)
    typer.echo(f"licence: {found.licence or 'the model card states none'}")
    path = hub.pull(found, files, hub.models_folder(), typer.echo)
    prefix = "gguf" if path.suffix == ".gguf" else "hf"
    typer.echo(f"{path}\nnext: codeopt models check {prefix}:{path}")


def _obeys_schema(asker: Asker, model: str) -> str:
    """Whether a server keeps an answer to a JSON schema, in words; a model in this process is not held to one."""
    from codeopt.agent.models.asker import Served, client_of
    from codeopt.agent.models.chat import CallLost, Request

    if not isinstance(asker, Served):
        return "not held to one (only servers are)"
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": COLOUR}}
    client = client_of(asker.client.endpoint, _say, {"response_format": schema})
    # The question does not mention JSON: a server that leaves the schema out answers in prose.
    request = Request(model, ({"role": "user", "content": "Describe the colour of the sea."},), MAX_TOKENS, 0.0, 0)
    try:
        reply = client.ask(request)
    except (UserError, CallLost) as error:
        return f"refused ({str(error)[:100]})"
    try:
        answer = json.loads(reply.text)
    except ValueError:
        return "ignored" if reply.finish != "length" else f"undecided: no end within {MAX_TOKENS} tokens"
    keeps = isinstance(answer, dict) and {key: type(value) for key, value in answer.items()} == {"colour": str, "is_warm": bool}
    return "obeyed" if keeps else "ignored"


def _count(parameters: int) -> str:
    """A model's size as people say it: "135 M"."""
    if not parameters:
        return "-"
    return f"{parameters / 1e9:.1f} G" if parameters >= 1e9 else f"{parameters / 1e6:.1f} M"
