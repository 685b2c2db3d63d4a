"""A model in this process, with transformers, and with peft a LoRA adapter on it: batched answers on a GPU or the CPU.

Requests are sorted by length and answered in batches, padded on the left. Each row draws from a generator of its own seed
and never from its batch's, so that an answer depends on its own request alone, up to the rounding of other batch shapes.
Code that comes with a model is never run.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeopt.agent.models import hub
from codeopt.agent.models.chat import Message, Reply, Request
from codeopt.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

PREFIX = "hf:"
BATCH_CPU, BATCH_GPU = 8, 128
STRIDE = 64
"""Tokens after which rows that have ended leave their batch."""
NUCLEUS = 1024
"""Tokens among which most nuclei lie."""
_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|could not create a (memory|primitive)|bad_alloc")


class HfModel:
    """A causal language model, loaded.

    Args:
        name: NAME_OR_DIR[@ADAPTER]: a directory that save_pretrained made, one .gguf file, or a name on the hub; the
            adapter is a directory or a name too.
        batch: Rows of a batch; 0: 8 on the CPU, 128 on a GPU.
        say: Told in one line when a batch did not fit and smaller ones follow.
        dtype: torch's name of a type; "" is bfloat16 where the device computes in it, else float32.

    Attributes:
        batch: Rows of a batch from now on.
        device, dtype: Where and in what it computes: "cuda", "bfloat16".
        parameters: Count.

    Raises:
        UserError: torch, transformers or peft is missing, there is no such model or adapter, it cannot be loaded, or it
            does not fit into the memory.
    """

    def __init__(self, name: str, *, batch: int = 0, say: Callable[[str], None] = lambda line: None, dtype: str = "") -> None:
        check_packages(name)
        base, adapter = sources(name)
        import torch
        import transformers

        self.name = name
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = dtype or ("bfloat16" if _computes_in_bfloat16(self.device) else "float32")
        self.batch = batch or (BATCH_GPU if self.device == "cuda" else BATCH_CPU)
        self._say = say
        self._tokenizer, self._model = self._loaded(base, adapter)
        self.parameters = sum(weight.numel() for weight in self._model.parameters())
        told = self._model.generation_config.eos_token_id
        ends = {self._tokenizer.eos_token_id, *(told if isinstance(told, list) else [told])}
        self._ends = sorted(end for end in ends if end is not None)
        self._pad = self._ends[0] if self._ends else 0  # any token would do: the mask hides it
        # Set whole, so that nothing of the maker's own sampling (top-k, a repetition penalty) is mixed in.
        self._model.generation_config = transformers.GenerationConfig(eos_token_id=self._ends or None, pad_token_id=self._pad)

    def _loaded(self, base: str, adapter: str) -> tuple[Any, Any]:
        """The tokenizer and the model with its adapter, ready to generate."""
        import torch
        import transformers

        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        try:
            with warnings.catch_warnings(action="ignore"):
                tokenizer, model = pretrained(base, getattr(torch, self.dtype))
                if adapter:
                    import peft

                    model = peft.PeftModel.from_pretrained(model, adapter)
                return tokenizer, model.to(self.device).eval()
        except Exception as error:  # whatever a file of somebody else's makes these libraries raise
            raise refusal(self.name, adapter, error) from None

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """Each request's reply with the request's index, as soon as its batch ends; the longest prompts first.

        Token counts are exact: the prompt's without padding, the answer's up to and with the token that ended it.

        Raises:
            UserError: A prompt leaves no room in the model's context, or one row alone does not fit into the memory.
        """
        prompts = [self._encoded(request.messages) for request in requests]
        # The longest first: what does not fit shows at once.
        left = sorted(range(len(requests)), key=lambda index: -len(prompts[index]))
        while left:
            rows = left[: self.batch]
            replies = self._tried([prompts[row] for row in rows], [requests[row] for row in rows])
            if replies is None:
                if len(rows) == 1:
                    raise self._too_large()
                self.batch = len(rows) // 2
                self._say(f"{len(rows)} answers at a time do not fit into the memory: going on with {self.batch}")
                continue
            yield from zip(rows, replies)
            left = left[len(rows) :]

    def answer(self, request: Request, hear: Callable[[str], None]) -> Reply:
        """One request's reply; `hear` gets the pieces of its text as they come, and ends the answer by raising.

        Raises:
            UserError: As `answers`.
        """
        prompt = self._encoded(request.messages)
        told = 0

        def listen(ids: Tensor, scores: Tensor) -> Tensor:
            nonlocal told
            text = self._text(ids[0, len(prompt) :].tolist())
            if len(text) > told and not text.endswith("\ufffd"):  # of a letter in several tokens
                hear(text[told:])
                told = len(text)
            return scores

        replies = self._tried([prompt], [request], [listen])
        if replies is None:
            raise self._too_large()
        if len(replies[0].text) > told:
            hear(replies[0].text[told:])
        return replies[0]

    def _too_large(self) -> UserError:
        return UserError(f"one answer of {self.name} does not fit into the memory", "lower --max-tokens, or name a smaller model")

    def _encoded(self, messages: Sequence[Message]) -> list[int]:
        if not self._tokenizer.chat_template:
            return list(self._tokenizer("\n\n".join(message["content"] for message in messages))["input_ids"])
        try:
            text = self._tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False)
        except Exception as error:  # the template is a program of the model's maker
            raise UserError(f"the chat template of {self.name} refuses the prompt ({_first_line(error)})", "name another model") from None
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _tried(
        self, prompts: list[list[int]], requests: list[Request], listeners: Sequence[Callable[[Tensor, Tensor], Tensor]] = ()
    ) -> list[Reply] | None:
        """The answers of one batch; listeners are logits processors; None where it does not fit into the memory (and holds none of it any more)."""
        import torch

        try:
            # The cache's argument has another name from some release on, and warns under the old one.
            with torch.inference_mode(), warnings.catch_warnings(action="ignore", category=FutureWarning):
                return self._generated(prompts, requests, listeners)
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
        if self.device == "cuda":
            torch.cuda.empty_cache()
        return None

    def _generated(
        self, prompts: list[list[int]], requests: list[Request], listeners: Sequence[Callable[[Tensor, Tensor], Tensor]]
    ) -> list[Reply]:
        import torch

        width = max(map(len, prompts))
        context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        room = max(request.max_tokens for request in requests)
        if context is not None:
            room = min(room, context - width)
        if room < 1:
            raise UserError(f"a prompt has {width} tokens and the context of {self.name} {context}", "shorten it, or name another model")
        ids = torch.tensor([[self._pad] * (width - len(prompt)) + prompt for prompt in prompts], device=self.device)
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=self.device)
        sampler = RowSampler(requests, self.device)
        answers: list[list[int]] = [[] for _ in requests]
        rows, cache = list(range(len(requests))), None  # those that go on, in the order of the tensors
        while rows and (made := ids.shape[1] - width) < room:
            found = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=cache,
                max_new_tokens=min(STRIDE, room - made),
                do_sample=False,
                logits_processor=[*listeners, *([sampler] if sampler.samples else [])],
                return_dict_in_generate=True,
            )
            ids, cache = found.sequences, found.past_key_values
            mask = torch.cat([mask, mask.new_ones(len(rows), ids.shape[1] - mask.shape[1])], 1)
            for row, tokens in zip(rows, ids[:, width:].tolist()):
                answers[row] = tokens[: requests[row].max_tokens]
            left = [at for at, row in enumerate(rows) if not self._ended(answers[row], requests[row])]
            if len(left) < len(rows):
                # Answers are of very unlike lengths: rows that have ended would take most of the time.
                kept = torch.tensor(left, dtype=torch.long, device=self.device)
                ids, mask, rows = ids[kept], mask[kept], [rows[at] for at in left]
                if rows:
                    cache.batch_select_indices(kept)
                    sampler.keep(left)
        return [self._reply(answer, len(prompt)) for answer, prompt in zip(answers, prompts)]

    def _ended(self, tokens: list[int], request: Request) -> bool:
        return len(tokens) >= request.max_tokens or not set(self._ends).isdisjoint(tokens)

    def likelihoods(self, texts: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        """Of each (prompt, text): the text's negative log-likelihood after the prompt in nats, and its tokens.

        The two are tokenised apart, with the model's first token (or its last, where it has no first) before them. What is
        longer than the context is read in windows in which each token of the text has at least half of the context before it.

        Raises:
            UserError: One text alone does not fit into the memory.
        """
        rows = [self._windows(prompt, text) for prompt, text in texts]
        found = [0.0] * len(texts)
        left = sorted(((index, *window) for index, windows in enumerate(rows) for window in windows), key=lambda one: -len(one[1]))
        most = (2**31 if self.device == "cuda" else 2**28) // max(1, self._model.config.get_text_config().vocab_size)
        while left:
            fitting = min(self.batch, max(1, most // len(left[0][1])))
            batch = left[:fitting]
            nats = self._scored([(ids, first) for _, ids, first in batch])
            if nats is None:
                if len(batch) == 1:
                    raise UserError(f"one text under {self.name} does not fit into the memory", "name a smaller model")
                self.batch = len(batch) // 2
                self._say(f"{len(batch)} texts at a time do not fit into the memory: going on with {self.batch}")
                continue
            for (index, _, _), value in zip(batch, nats):
                found[index] += value
            left = left[len(batch) :]
        return [(nats, sum(len(ids) - first for ids, first in windows)) for nats, windows in zip(found, rows)]

    def _windows(self, prompt: str, text: str) -> list[tuple[list[int], int]]:
        """Tokens to read, and from which on they count."""
        start = self._tokenizer.bos_token_id
        ids = [self._pad if start is None else start]
        for part in (prompt, text):
            first = len(ids)
            ids += self._tokenizer(part, add_special_tokens=False)["input_ids"]
        context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None) or len(ids)
        windows = []
        while first < len(ids):
            begin = 0 if len(ids) <= context else max(0, first - context // 2)
            end = min(len(ids), begin + context)
            windows.append((ids[begin:end], first - begin))
            first = end
        return windows

    def _scored(self, batch: list[tuple[list[int], int]]) -> list[float] | None:
        """Nats of the counted tokens of each row; None where the batch does not fit into the memory."""
        import torch

        width = max(len(ids) for ids, _ in batch)
        try:
            with torch.inference_mode():
                rows = torch.tensor([ids + [self._pad] * (width - len(ids)) for ids, _ in batch], device=self.device)
                mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in batch], device=self.device)
                logits = self._model(input_ids=rows, attention_mask=mask, use_cache=False).logits
                return [
                    float(
                        torch.nn.functional.cross_entropy(
                            logits[row, first - 1 : len(ids) - 1].float(), rows[row, first : len(ids)], reduction="sum"
                        )
                    )
                    for row, (ids, first) in enumerate(batch)
                ]
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
        if self.device == "cuda":
            torch.cuda.empty_cache()
        return None

    def _reply(self, tokens: list[int], tokens_in: int) -> Reply:
        end = next((place for place, token in enumerate(tokens) if token in self._ends), None)
        text = self._text(tokens[:end])
        if end is None:
            return Reply(text, tokens_in, len(tokens), False, "length")
        return Reply(text, tokens_in, end + 1, False, "stop")

    def _text(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


class RowSampler:
    """A logits processor under which the largest score is a sample: the Gumbel-max trick, with noise of the row's own.

    Args:
        requests: One a row. No temperature is 1 and no top_p is 1; temperature 0 leaves the row as it is (greedy).
        device: Where the scores are.
    """

    def __init__(self, requests: Sequence[Request], device: str) -> None:
        import torch

        self.samples = any(request.temperature is None or request.temperature > 0 for request in requests)
        self._temperatures = torch.tensor(
            [[1.0 if request.temperature is None else request.temperature or 1.0] for request in requests], device=device
        )
        self._top_p = torch.tensor([[1.0 if request.top_p is None else request.top_p] for request in requests], device=device)
        self._cuts = bool((self._top_p < 1).any())
        self._generators = {
            row: torch.Generator(device).manual_seed(request.seed)
            for row, request in enumerate(requests)
            if request.temperature is None or request.temperature > 0
        }

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only, in this order."""
        self._temperatures, self._top_p = self._temperatures[list(rows)], self._top_p[list(rows)]
        self._generators = {at: self._generators[row] for at, row in enumerate(rows) if row in self._generators}

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores (rows, vocabulary) that have the sampled token as their largest one."""
        import torch

        scores = scores.float() / self._temperatures
        noise = torch.ones_like(scores)
        for row, generator in self._generators.items():
            noise[row].exponential_(generator=generator)
        if not self._cuts:
            return scores - noise.log()
        # A nucleus is small, and sorting whole vocabularies took most of a step; a row whose nucleus is larger has its own sorted.
        top, places = scores.topk(min(NUCLEUS, scores.shape[1]))
        shares = (top - scores.logsumexp(-1, keepdim=True)).exp()
        beyond = (shares.sum(-1) < self._top_p[:, 0]).nonzero()[:, 0]
        drawn = (_cut(top, shares, self._top_p) - noise.gather(1, places).log()).argmax(-1, keepdim=True)
        found = torch.full_like(scores, -torch.inf).scatter(1, places.gather(1, drawn), 0.0)
        if len(beyond):
            ordered, places = scores[beyond].sort(descending=True)
            kept = _cut(ordered, ordered.softmax(-1), self._top_p[beyond])
            found[beyond] = torch.empty_like(kept).scatter(1, places, kept) - noise[beyond].log()
        return found


def _cut(ordered: Tensor, shares: Tensor, top_p: Tensor) -> Tensor:
    """Scores from the largest down, without those behind which the share `top_p` already lies."""
    cut = shares.cumsum(-1) - shares >= top_p
    cut[:, 0] = False
    return ordered.masked_fill(cut, float("-inf"))


def split(name: str) -> tuple[str, str]:
    """The model and the adapter ("" for none) in NAME_OR_DIR[@ADAPTER]; what exists as it is written is no pair."""
    if Path(name).expanduser().exists():
        return name, ""
    base, _, adapter = name.partition("@")
    return base, adapter


def check_packages(name: str) -> None:
    """Raises UserError where a library that NAME_OR_DIR[@ADAPTER] needs is not installed."""
    base, adapter = split(name)
    needed = ["torch", "transformers", *(["peft"] if adapter else ()), *(["gguf"] if base.endswith(".gguf") else ())]
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if missing:
        raise UserError(f"hf: models need {' and '.join(missing)}", 'pip install "codeopt[train]"')


def sources(name: str) -> tuple[str, str]:
    """Where the model and the adapter ("" for none) of NAME_OR_DIR[@ADAPTER] lie. Raises UserError where one is not there."""
    base, adapter = split(name)
    # The adapter first: it is small, and where it is not there the model need not be fetched.
    adapter = adapter and _found(adapter, "adapter_config.json", "adapter", "give the directory of a LoRA adapter, or its name on the hub")
    return _found(base, "config.json", "model", "give the directory of a model, one .gguf file, or a name on the hub"), adapter


def pretrained(base: str, dtype: Any, **more: Any) -> tuple[Any, Any]:
    """The tokenizer and the model of a folder or a .gguf file; `more` is for the model. Raises whatever the libraries do."""
    import transformers

    where, options = base, dict[str, Any](trust_remote_code=False)
    if base.endswith(".gguf"):
        where, options["gguf_file"] = str(Path(base).parent), Path(base).name
    # Reading GGUF draws a bar for every tensor, on a terminal or not; a download's bar is wanted.
    with contextlib.redirect_stderr(io.StringIO()) if "gguf_file" in options else contextlib.nullcontext():
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **options)
        return tokenizer, transformers.AutoModelForCausalLM.from_pretrained(where, dtype=dtype, **options, **more)


def pretrained_config(base: str) -> Any:
    """The configuration of a .gguf file, with its architecture; no weights are made. Raises whatever the libraries do."""
    import torch
    import transformers

    with contextlib.redirect_stderr(io.StringIO()):
        config = transformers.AutoConfig.from_pretrained(str(Path(base).parent), gguf_file=Path(base).name, trust_remote_code=False)
    with torch.device("meta"):
        config.architectures = [type(transformers.AutoModelForCausalLM.from_config(config)).__name__]
    return config


def refusal(name: str, adapter: str, error: Exception) -> UserError:
    """Why a model could not be loaded, for a person."""
    if _is_out_of_memory(error):
        return UserError(f"{name} does not fit into the memory", "free some, or name a smaller model")
    if "trust_remote_code" in str(error):
        return UserError(f"{name} brings code of its own, which is never run", "name another model")
    hint = "check that the adapter belongs to the model" if adapter else "check that it is a whole causal language model"
    return UserError(f"{name} cannot be loaded ({_first_line(error)})", hint)


def _found(name: str, file: str, noun: str, hint: str) -> str:
    """The directory (or the .gguf file) of a model or adapter. Raises UserError where there is none."""
    path = Path(name).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return str(path)
    if path.is_dir():
        if not (path / file).is_file():
            raise UserError(f"{name} holds no {noun} (no {file})", hint)
        return str(path)
    if path.exists() or path.suffix == ".gguf" or not hub.is_name(name):
        raise UserError(f"there is no {noun} {name!r} here", hint)
    return str(hub.snapshot(name, file))


def _computes_in_bfloat16(device: str) -> bool:
    """Whether it is faster there than float32, and not only emulated."""
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False
    return re.search(r"\b(amx_bf16|avx512_bf16|bf16)\b", flags) is not None


def _is_out_of_memory(error: BaseException) -> bool:
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or bool(_NO_MEMORY.search(str(error)))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip()[:200] if lines else type(error).__name__
