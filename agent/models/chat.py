"""One streaming call to an OpenAI-compatible server, with retries, and errors that a person understands."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from codeopt.agent.models.endpoint import Endpoint
from codeopt.errors import UserError
from codeopt.trace import scrub

Message = dict[str, str]
LONGEST_PAUSE_S = 120.0
_FIRST_CONTACT_TRIES = 2
_REFUSED = {
    400: "shorten the input (--function), or name another model",
    401: "check OPENAI_API_KEY",
    402: "top up the account, or name another server",
    403: "check that the key may use this model",
    404: "check --model and --base-url (it usually ends in /v1)",
    413: "shorten the input (--function)",
    422: "name another model or server",
}
_ALSO = {"response_format": ("json_schema", "schema", "grammar")}  # how servers name it when they refuse it


class ModelUnavailable(UserError):
    """The model cannot be asked (any more): unreachable, unauthorised, unknown, or failing again and again."""


class OutOfTime(Exception):
    """Another try would not fit into the time that is left."""


class CallLost(Exception):
    """The server took the prompt and the connection failed before the whole answer was here; it may be billed.

    Args:
        reason: One line.
        text: What had arrived.
    """

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


@dataclass(frozen=True)
class Request:
    """What a model is asked.

    Attributes:
        model: Its name.
        messages: The conversation, as role and content.
        max_tokens: Most tokens of the answer.
        temperature: None leaves it to the server.
        seed: Sent to servers that know seeds.
        top_p: Nucleus of the sampling; None leaves it to the server.
        schema: JSON schema of the answer, for servers that hold a model to one; others are asked without.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float | None
    seed: int
    top_p: float | None = None
    schema: Mapping[str, Any] | None = None

    def body(self) -> str:
        """The request without its seed, as canonical JSON: what a prompt's hash is taken of."""
        body: dict[str, Any] = {
            "max_tokens": self.max_tokens,
            "messages": list(self.messages),
            "model": self.model,
            "temperature": self.temperature,
        }
        if self.top_p is not None:
            body["top_p"] = self.top_p
        if self.schema is not None:
            body["schema"] = self.schema
        return json.dumps(body, sort_keys=True, ensure_ascii=False)

    def prompt_bound(self) -> int:
        """An upper bound of the prompt's tokens: a token is at least a byte, plus the marks around messages."""
        return sum(len(m["content"].encode("utf-8", "replace")) + 16 for m in self.messages) + 16


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        text: The answer, without separate reasoning.
        tokens_in, tokens_out: As the server counts them; characters / 4 where it does not.
        estimated: The server gave no usage.
        finish: "stop", "length", …; "" where the server did not say; "time" where we stopped it.
    """

    text: str
    tokens_in: int
    tokens_out: int
    estimated: bool
    finish: str


def rough_tokens(text: str) -> int:
    """Characters / 4, rounded up."""
    return (len(text) + 3) // 4


class ChatClient:
    """Calls one server.

    Args:
        endpoint: The server.
        timeout_s: Longest silence of the server.
        retries: Further tries after a passing failure (429, 5xx, a lost connection).
        retry_base_s: First pause; it doubles, with jitter, up to two minutes. Retry-After wins.
        say: Told in one line about every pause.
        extra: Further fields of each request, for servers that know them.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        timeout_s: float,
        retries: int,
        retry_base_s: float,
        say: Callable[[str], None] = lambda line: None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        import openai  # takes a second, and only model runs need it

        self._openai = openai
        self.endpoint = endpoint
        self._retries = retries
        self._base_s = retry_base_s
        self._timeout_s = timeout_s
        self.say = say
        self._extra = dict(extra or {})
        self._reached = False
        self._random = random.Random()
        self._drop: set[str] = set()
        self._limit = "max_completion_tokens" if endpoint.host == "api.openai.com" else "max_tokens"
        self._renamed = False
        self._client = openai.OpenAI(
            base_url=endpoint.url, api_key=endpoint.key or "none", max_retries=0, timeout=timeout_s
        )

    def check(self) -> list[str]:
        """Ask for the list of models, to find out early whether the server is there and takes the key.

        Returns:
            Their names; none where the server has no such list.

        Raises:
            ModelUnavailable: It is not there, or does not take the key.
        """
        try:
            listed = [str(one.id) for one in self._client.with_options(timeout=min(20.0, self._timeout_s)).models.list()]
        except self._openai.APIStatusError as error:
            if error.status_code in (401, 402, 403):
                raise self._refused(error) from None
            listed = []
        except self._openai.APIConnectionError as error:
            raise self._unreachable(error) from None
        except (self._openai.APIError, ValueError):
            return []  # no list of models here; the first call will tell
        self._reached = True
        return listed

    def ask(self, request: Request, seconds: float | None = None) -> Reply:
        """One call. Failures that cost nothing are tried again here.

        Args:
            request: What to ask.
            seconds: Most time for all of it; past that the answer so far is returned with finish "time".

        Raises:
            ModelUnavailable: There is no point in asking again.
            OutOfTime: The next try would come after `seconds`.
            CallLost: The call may have been billed; the caller decides whether to pay for another.
        """
        end = None if seconds is None else time.monotonic() + seconds
        attempt = 0
        while True:
            try:
                return self._stream(request, end)
            except self._openai.APIStatusError as error:
                if self._adapt(error):
                    continue
                if error.status_code not in (408, 409, 425, 429) and error.status_code < 500:
                    raise self._refused(error) from None
                if error.code == "insufficient_quota":
                    raise self._refused(error) from None
                why, pause = f"{self.endpoint.host} answered {error.status_code}", _retry_after(error)
            except self._openai.APITimeoutError as error:
                if not _never_sent(error):
                    raise CallLost(f"{self.endpoint.host} said nothing for {self._timeout_s:g} s") from None
                why, pause = self._no_contact(error, attempt)
            except self._openai.APIConnectionError as error:
                if not _never_sent(error):
                    raise CallLost(f"{self.endpoint.host} dropped the connection") from None
                why, pause = self._no_contact(error, attempt)
            attempt += 1
            self.pause(attempt, why, pause, None if end is None else end - time.monotonic())

    def pause(
        self, attempt: int, why: str, wished: float | None = None, seconds_left: float | None = None
    ) -> None:
        """Wait before try number `attempt` + 1.

        Args:
            attempt: Tries so far.
            why: What went wrong, in one line.
            wished: Seconds that the server asked for.
            seconds_left: Time until the budget is used up.

        Raises:
            ModelUnavailable: The tries are used up, or the server wants more patience than we have.
            OutOfTime: The pause would outlast `seconds_left`.
        """
        if attempt > self._retries:
            raise ModelUnavailable(f"{why}, {attempt} times in a row", "try later, or name another server or model")
        seconds = min(self._base_s * 2 ** (attempt - 1), LONGEST_PAUSE_S) * self._random.uniform(0.5, 1.0)
        seconds = max(seconds, wished or 0.0)
        if seconds_left is not None and seconds > seconds_left:
            raise OutOfTime(f"{why}, and there is no time left for another try")
        if seconds > LONGEST_PAUSE_S:
            raise ModelUnavailable(f"{why} and asks for {seconds:.0f} s of patience", "try later")
        self.say(f"{why}; trying again in {seconds:.1f} s ({attempt} of {self._retries})")
        time.sleep(seconds)

    def _stream(self, request: Request, end: float | None) -> Reply:
        options = self._options(request)
        left = self._timeout_s if end is None else max(0.1, min(self._timeout_s, end - time.monotonic()))
        client = self._client.with_options(timeout=left)
        text, other, finish, usage, chunks = "", "", "", None, 0
        try:
            with client.chat.completions.create(**options) as stream:
                self._reached = True
                for chunk in stream:
                    chunks += 1
                    usage = chunk.usage or usage
                    for choice in (chunk.choices or [])[:1]:
                        delta = choice.delta
                        text += delta.content or ""
                        extra = delta.model_extra or {}
                        other += str(extra.get("reasoning_content") or extra.get("reasoning") or "")
                        finish = choice.finish_reason or finish
                    if end is not None and time.monotonic() > end:
                        finish = "time"
                        break
        except self._openai.APIConnectionError as error:
            if not text and not other:
                if end is not None and time.monotonic() >= end - 0.05 and not _never_sent(error):
                    return self._reply(request, "", "", None, "time")
                raise
            if end is not None and time.monotonic() >= end - 0.05:
                return self._reply(request, text, other, None, "time")
            raise CallLost(f"{self.endpoint.host} broke off in the middle of its answer", text + other) from None
        except self._openai.APIStatusError:
            raise
        except (self._openai.APIError, ValueError, TypeError, AttributeError) as error:
            line = self._clean(str(error))
            raise CallLost(f"{self.endpoint.host} sent something that is no answer ({line})", text + other) from None
        if chunks == 0:
            raise ModelUnavailable(
                f"{self.endpoint.host} does not speak the chat completions protocol",
                "check --base-url (it usually ends in /v1)",
            )
        return self._reply(request, text, other, usage, finish)

    def _options(self, request: Request) -> dict[str, Any]:
        options: dict[str, Any] = {
            "model": request.model,
            "messages": list(request.messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            "seed": request.seed,
            "temperature": request.temperature,
            "top_p": request.top_p,
            self._limit: request.max_tokens,
            "response_format": _held_to(request.schema),
        }
        kept = {key: value for key, value in options.items() if value is not None and key not in self._drop}
        return {**kept, "extra_body": self._extra} if self._extra else kept

    def _adapt(self, error: Any) -> bool:
        """Leave out or rename a parameter that the server does not take; whether there was one."""
        if error.status_code not in (400, 422):
            return False
        said = error.param or error.message
        if self._limit in said and not self._renamed:
            self._renamed = True
            self._limit = "max_tokens" if self._limit == "max_completion_tokens" else "max_completion_tokens"
            return True
        for name in ("stream_options", "temperature", "top_p", "seed", "response_format"):
            if any(word in said for word in (name, *_ALSO.get(name, ()))) and name not in self._drop:
                self._drop.add(name)
                return True
        return False

    def _reply(self, request: Request, text: str, other: str, usage: Any, finish: str) -> Reply:
        counts = (getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None))
        if isinstance(counts[0], int) and isinstance(counts[1], int):
            return Reply(text, counts[0], counts[1], False, finish)
        prompt = sum(rough_tokens(message["content"]) for message in request.messages)
        return Reply(text, prompt, rough_tokens(text + other), True, finish)

    def _clean(self, text: str) -> str:
        """A server's words in one line without the key."""
        return " ".join(scrub(text, filter(None, [self.endpoint.key])).split())[:200]

    def _refused(self, error: Any) -> ModelUnavailable:
        hint = _REFUSED.get(error.status_code, "name another server or model")
        body = error.body if isinstance(error.body, dict) else {}
        said = self._clean(str(body.get("message") or ""))
        if error.code == "insufficient_quota":
            hint = _REFUSED[402]
        told = f" ({said})" if said and error.status_code not in (401, 403) else ""
        return ModelUnavailable(f"{self.endpoint.host} answered {error.status_code}{told}", hint)

    def _no_contact(self, error: Any, attempt: int) -> tuple[str, float | None]:
        if not self._reached and attempt + 1 >= _FIRST_CONTACT_TRIES:
            raise self._unreachable(error) from None
        return f"{self.endpoint.host} cannot be reached", None

    def _unreachable(self, error: Any) -> ModelUnavailable:
        cause = self._clean(str(error.__cause__ or error)) or type(error.__cause__).__name__
        return ModelUnavailable(
            f"the model server {self.endpoint.host} cannot be reached ({cause})",
            "start it, or check --base-url and the network",
        )


def _held_to(schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """How a request asks for an answer of that form."""
    if schema is None:
        return None
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def _never_sent(error: Any) -> bool:
    """Whether the connection failed before the request was out; the HTTP library's class says so by its name."""
    return type(error.__cause__).__name__ in ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError")


def _retry_after(error: Any) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or a date."""
    headers = error.response.headers
    number = headers.get("retry-after-ms", "")
    if re.fullmatch(r"\d+(\.\d+)?", number):
        return float(number) / 1000
    value = headers.get("retry-after", "")
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
