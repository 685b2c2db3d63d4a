"""One way to ask a model, wherever it runs: a server's, a GGUF file's behind llama.cpp, or one in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from codeopt.agent.models import child, gguf, hf, hf_server
from codeopt.agent.models.chat import CallLost, ChatClient, ModelUnavailable, Reply, Request
from codeopt.agent.models.endpoint import Endpoint, find_endpoint

LOST_TRIES = 3
RETRIES, RETRY_BASE_S, TIMEOUT_S = 6, 2.0, 300.0
LOCAL_TIMEOUT_S = 3600.0  # a small machine may take long for its share of parallel answers


def runs_here(model: str) -> bool:
    """Whether a model, as --model names it, runs on this machine: it takes its cores, and nobody asks a price for it."""
    return model.startswith((gguf.PREFIX, hf.PREFIX))


class Asker(Protocol):
    """What answers requests. A class that fits is a back end."""

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Each request's reply with the request's index, as it is ready and in whatever order suits.

        Raises:
            UserError: The model cannot be asked (any more); what was handed out stands.
        """


class Served:
    """Asks a server, one request after the other; an answer that was lost on its way is asked for again.

    Args:
        client: Of that server.
    """

    def __init__(self, client: ChatClient) -> None:
        self.client = client

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        for index, request in enumerate(requests):
            yield index, self._answer(request)

    def _answer(self, request: Request) -> Reply:
        for _ in range(LOST_TRIES):
            try:
                return self.client.ask(request)
            except CallLost as lost:
                reason = lost.reason
        raise ModelUnavailable(f"{reason}, {LOST_TRIES} times in a row", "try later: the same command goes on")


@contextmanager
def served_here(model: str, *, context: int) -> Iterator[Endpoint]:
    """A server on this machine, for one request at a time, of a model that runs here; it is gone when the block ends.

    Args:
        model: gguf:FILE[@ADAPTER] or hf:NAME_OR_DIR[@ADAPTER].
        context: Tokens of prompt and answer together that a model behind llama.cpp has to hold; one of transformers has
            its own.

    Raises:
        UserError: There is no such model, or it does not start.
    """
    if model.startswith(hf.PREFIX):
        serving = hf_server.serving(model.removeprefix(hf.PREFIX))
    else:
        serving = gguf.serving(model.removeprefix(gguf.PREFIX), parallel=1, context=context)
    with serving as endpoint:
        yield endpoint


@contextmanager
def opened(
    model: str,
    base_url: str,
    *,
    parallel: int,
    context: int,
    batch: int,
    say: Callable[[str], None],
) -> Iterator[list[Asker]]:
    """Askers of a model that are ready, as long as the block runs.

    Args:
        model: A server's name for it, gguf:FILE[@ADAPTER] or hf:NAME_OR_DIR[@ADAPTER].
        base_url: The server; "" for OPENAI_BASE_URL, else OpenAI's.
        parallel: Requests that are on their way to a server at a time: so many askers.
        context: Tokens of prompt and answer together that a model behind llama.cpp has to hold.
        batch: Rows of a batch of an hf: model; 0 leaves it to the device.
        say: Told in one line what a person should know (a pause, a smaller batch).

    Raises:
        UserError: There is no such model, or it does not start.
    """
    if model.startswith(hf.PREFIX):
        yield [hf.HfModel(model.removeprefix(hf.PREFIX), batch=batch, say=say)]
    elif model.startswith(gguf.PREFIX):
        with gguf.serving(model.removeprefix(gguf.PREFIX), parallel=parallel, context=context) as endpoint:
            yield _served(endpoint, parallel, say)
    else:
        yield _served(find_endpoint(base_url), parallel, say)


def client_of(endpoint: Endpoint, say: Callable[[str], None], extra: Mapping[str, Any]) -> ChatClient:
    """A client with the patience that a batch run has; `extra` are further fields of each request."""
    if endpoint.host == child.HOST:
        # llama.cpp repeats an answer for equal seeds only where it computes the whole prompt again (and one at a time).
        return ChatClient(endpoint, LOCAL_TIMEOUT_S, RETRIES, RETRY_BASE_S, say, {"cache_prompt": False, **extra})
    return ChatClient(endpoint, TIMEOUT_S, RETRIES, RETRY_BASE_S, say, extra)


def _served(endpoint: Endpoint, count: int, say: Callable[[str], None]) -> list[Asker]:
    """An asker for each request that may be on its way. Raises ModelUnavailable where nobody answers."""
    clients = [client_of(endpoint, say, {}) for _ in range(count)]
    clients[0].check()
    return [Served(client) for client in clients]
