"""`codeopt train eval`: what a training gained, on problems that it did not see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from codeopt.cli import eval_options as options
from codeopt.cli.generate import BatchSize, MaxTokens, Samples, Seed, Temperature, TopP
from codeopt.cli.train import AsJson, app


@app.command("eval")
def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a training, its --out.")],
    on: Annotated[str, typer.Option(help="Suite, folder of tasks, or dataset (default: the test split of the training's data).")] = "",
    data: options.Data = None,
    samples: Samples = 4,
    temperature: Temperature = 0.8,
    top_p: TopP = 0.95,
    max_tokens: MaxTokens = 1024,
    seed: Seed = 0,
    batch_size: BatchSize = 0,
    k: options.Ks = "1,4,10,20",
    lanes: options.Lanes = 1,
    sandbox: options.SandboxKind = "auto",
    ids: options.Ids = "",
    limit: options.Limit = 0,
    as_json: AsJson = False,
) -> None:
    """Ask the model for programs before and after, score both, and compare; the model card says what came of it.

    Exit codes: 0 compared, 2 bad input, 130 interrupted (the same command goes on).
    """
    from codeopt.cli.evaluate import scored
    from codeopt.cli.generate import Wanted, generated
    from codeopt.evals.compare import compare, read
    from codeopt.evals.folder import SCORES
    from codeopt.training import card
    from codeopt.training.conditions import template

    settings, _ = card.finished(run)
    suite, chosen = options.open_suite(on or settings.data, data, ids, limit)
    ks = options.numbers("-k", k, 1)
    place = run / card.EVALS / suite.name
    models = {"before": f"hf:{settings.model}", "after": card.trained(run, settings)}
    for name, model in models.items():
        folder = place / name
        prompt = None
        if name == "after" and settings.condition:
            folder.mkdir(parents=True, exist_ok=True)
            prompt = folder / "prompt.j2"
            prompt.write_text(template(suite.template.read_text("utf-8"), settings.condition), "utf-8")
        if not as_json:
            typer.echo(f"{name}: {model}")
        wanted = Wanted(model, "", "answer", samples, temperature, top_p, max_tokens, seed, prompt, 1, batch_size, 0.0, 0, None, 0.0, sandbox, lanes)
        generated(suite, chosen, wanted, folder, as_json)
        scored(suite, chosen, folder / "samples.jsonl", folder / SCORES, ks, lanes, sandbox, as_json)
    shared, found = compare(read(place / "before"), read(place / "after"), ks)
    result: dict[str, Any] = {
        "suite": suite.name, "problems": len(shared), "samples": samples, "temperature": temperature, "max_tokens": max_tokens, "seed": seed,
        "before": models["before"], "after": models["after"], "rows": [vars(one) for one in found],
    }  # fmt: skip
    (place / card.FOUND).write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    written = card.write(run)
    if as_json:
        typer.echo(json.dumps(result))
        return
    columns = ["figure", "before", "after", "difference", "95 % interval", "p"]
    options.show(columns, [one.cells() for one in found])
    typer.echo(f"{len(shared)} problems; model card: {written}")
