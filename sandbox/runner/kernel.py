"""Modules on a GPU: built, answered and timed in one process that goes on, for a CUDA context does not survive a fork.

The parent sends the text that makes the inputs and a seed for each call, so that both sides make the same inputs and
neither sees the other. What the device is asked by (events, flushes, synchronising) are the driver's own functions,
looked up before a candidate is loaded; the parent's clock runs beside them and is the one that cannot be patched.

A region: READY, GO, DONE, and only then the parent says which elements of the outputs it wants to see. What was not
computed until DONE shows as the time until they arrive.

Does not protect against: a candidate that forges frames. It could only forge answers, and those are compared as data by
the parent with answers that never enter this process.
"""

import ctypes
import gc
import importlib
import random
import sys
import time

from . import kernel_call, load, seal, wire
from .kernel_call import described
from .kernel_memory import meet, overlaps

GO = b"G"
PROBES = 512
PIECE = 1 << 20  # what is larger is new memory each time, and touching that takes longer than copying
FILES = 1 << 31  # bytes of one file, what is printed among them: compilers write large ones
SHAPES = 8  # whose modules are kept
LEAST_FLUSH = 64 << 20
CLOCK_HZ = 2e9
CUDA_NAMES = (
    "cuCtxSynchronize", "cuEventCreate", "cuEventRecord", "cuEventElapsedTime", "cuMemsetD32Async",
    "cuCtxResetPersistingL2Cache",
)


class Host:
    """No GPU: the processor stands in, by the CPU time of this process, which the load of others disturbs least."""

    kind = "cpu"

    def __init__(self, torch):
        self._now = time.process_time_ns  # looked up before a candidate could put another in its place
        self.name = "the processor"
        self.capability = ()
        self.l2 = self.memory = 0

    def synchronise(self):
        pass

    def flush(self):
        pass

    def hold(self, seconds):
        pass

    def marks(self, count):
        return [0] * count

    def mark(self, marks, index):
        marks[index] = self._now()

    def between(self, marks, first, second):
        return (marks[second] - marks[first]) / 1e9

    def free(self):
        return 1 << 40


class Cuda:
    """The current CUDA device, through the driver's functions."""

    kind = "cuda"

    def __init__(self, torch):
        torch.zeros(1, device="cuda")  # the context is made here, and is this thread's from now on
        about = torch.cuda.get_device_properties(0)
        self.name, self.l2, self.memory = about.name, about.L2_cache_size, about.total_memory
        self.capability = tuple(torch.cuda.get_device_capability(0))
        self._free, self._spin = torch.cuda.mem_get_info, torch._C._cuda_sleep
        library = ctypes.CDLL("libcuda.so.1")
        self._synchronise, self._create, self._record, self._elapsed, self._set, self._reset = (
            getattr(library, name) for name in CUDA_NAMES
        )
        size = max(LEAST_FLUSH, 3 * self.l2)
        self._buffer = torch.empty(size // 4, dtype=torch.int32, device="cuda")
        self._where, self._words = ctypes.c_uint64(self._buffer.data_ptr()), ctypes.c_size_t(size // 4)

    def _must(self, code):
        if code:
            raise RuntimeError("CUDA error %d" % code)

    def synchronise(self):
        """Wait for everything that this process has given to the device, on any stream."""
        self._must(self._synchronise())

    def hold(self, seconds):
        """Keep the device busy, so that a call's kernels are there before it can begin: else the time of a launch counts."""
        self._spin(int(seconds * CLOCK_HZ))

    def flush(self):
        """Other data into the L2 cache; what was asked to stay there is let go."""
        self._reset()
        self._must(self._set(self._where, ctypes.c_uint(0), self._words, None))

    def marks(self, count):
        made = []
        for _ in range(count):
            event = ctypes.c_void_p()
            self._must(self._create(ctypes.byref(event), ctypes.c_uint(0)))
            made.append(event)
        return made

    def mark(self, marks, index):
        self._must(self._record(marks[index], None))

    def between(self, marks, first, second):
        found = ctypes.c_float()
        self._must(self._elapsed(ctypes.byref(found), marks[first], marks[second]))
        return found.value / 1e3

    def free(self):
        return self._free()[0]


class Kernel:
    """What this process holds: the device, the module of each shape, and the functions of torch that are asked."""

    def __init__(self, server, device):
        torch = importlib.import_module("torch")
        self.server, self.torch = server, torch
        self.device = (Cuda if device == "cuda" else Host)(torch)
        self.at = torch.device(self.device.kind)
        self.Tensor, self.Module = torch.Tensor, torch.nn.Module
        self.seed_all, self.equal = torch.manual_seed, torch.equal
        self.no_grad, self.enable_grad, self.grad, self.strided = torch.no_grad, torch.enable_grad, torch.autograd.grad, torch.strided
        self.pointer = torch.Tensor.data_ptr
        # Pairs that torch's own operations answer with are tuples, too.
        self.tuples = {tuple, list, *(held for held in vars(torch.return_types).values() if isinstance(held, type))}
        self.compile = torch.compile
        self.built = {}  # text -> (namespace, module)
        self.marks = []
        self.cls = ""
        self.mode = "eager"
        self.loaded = {}
        self.backward(False)
        gc.freeze()  # PyTorch's own objects stay: each collection would take most of a second to look at them

    def serve(self, message):
        """Do what a message asks; what goes wrong is the answer. Nothing of what a program prints reaches the engine."""
        with Printing(self.server):
            try:
                reply = getattr(self, "do_" + message["do"])(message)
            except BaseException as error:
                reply = {"error": self.told(error)}
        if reply is not None:
            self.reply(reply)

    # --- programs -----------------------------------------------------------------------------------------

    def do_load(self, message):
        """Import the candidate, whose class `cls` is then what is run; a reference comes with each shape's text."""
        self.loaded = message
        self.cls, self.mode = message["class"], message["mode"]
        self.backward(message["backward"])
        self.built.clear()
        if message["source"]:
            load.load(self.server.context, message)
            found = getattr(self.server.context.module, self.cls, None)
            if not (isinstance(found, type) and issubclass(found, self.Module)):
                raise TypeError("it defines no class %s that is a torch.nn.Module" % self.cls)
        return {}

    def backward(self, wanted):
        """Whether a call is forward and backward from now on."""
        self.call, self.around = (kernel_call.Backward, self.enable_grad) if wanted else (kernel_call.Forward, self.no_grad)

    def do_build(self, message):
        """The module of a shape, on the device; its weights by the seed, as the original's are."""
        self.build(message["text"], message["init"])
        return {}

    def build(self, text, seed):
        while len(self.built) >= SHAPES:
            del self.built[next(iter(self.built))]
        gc.collect()
        names = {"__name__": "codeopt_inputs"}
        exec(compile(text, "inputs", "exec"), names)
        cls = getattr(self.server.context.module, self.cls) if self.server.context.module else names[self.cls]
        module = self.instance(names, cls, seed)
        if self.mode != "eager":
            module = self.compile(module, **({} if self.mode == "default" else {"mode": self.mode}))
        self.built[text] = names, module

    def instance(self, names, cls, seed):
        self.seed(seed)
        with self.at:
            given = names["get_init_inputs"]()
        given = [self.moved(value) for value in given]
        self.seed(seed)
        return cls(*given).to(self.at)

    def seed(self, seed):
        self.seed_all(seed)
        random.seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed % (1 << 32))

    def moved(self, value):
        return value.to(self.at) if isinstance(value, self.Tensor) else value

    def inputs(self, text, seed):
        """The arguments of one call, made on the device."""
        self.seed(seed)
        with self.at:
            return [self.moved(value) for value in self.built[text][0]["get_inputs"]()]

    def flat(self, value):
        """The tensors that a module answered with, in order. Raises TypeError for anything that is not one."""
        found = list(value) if type(value) in self.tuples else [value]
        for item in found:
            if type(item) is not self.Tensor:
                raise TypeError("it answers with %s, not with tensors" % type(item).__name__)
            if item.device.type != self.device.kind:
                raise TypeError("its answer is on %s" % item.device)
        return found

    # --- answers ------------------------------------------------------------------------------------------

    def do_answer(self, message):
        """One call, answered in full: what each output is, which arguments changed, then the bytes in pieces."""
        text, seed, spec, module = message["text"], message["seed"], message["spec"], self.built[message["text"]][1]
        call = self.call(self, text, seed, spec)
        self.poison(message["sizes"], self.call.between)
        try:
            outputs, more = self.answered(call, module)
        except kernel_call.Missing as error:
            outputs, more = [], {"missing": str(error)}
        self.device.synchronise()
        pristine = self.call(self, text, seed, spec)
        given = [value for value in call.given if isinstance(value, self.Tensor)]
        self.reply(
            {
                "about": [described(output) for output in outputs],
                "changed": [i for i, pair in enumerate(zip(call.given, pristine.given)) if not self.same(*pair)],
                "alias": overlaps(self.spans(outputs), self.spans(call.given)),
                "given": sum(value.numel() * value.element_size() for value in given),
                **more,
            }
        )
        for output in outputs:
            data = self.raw(output)
            for at in range(0, len(data), PIECE):
                self.reply({"piece": data[at : at + PIECE]})

    def answered(self, call, module):
        """The tensors that a call is answered with, and what is found out about gradients where nothing is said of them."""
        call.bound(module)
        with self.around():
            ran = call.run(module)
        found = call.tensors(ran)
        if self.call is kernel_call.Forward or call.spec:
            return found, {}
        spec, without = call.found(module, ran)
        return found, {"spec": spec, "names": kernel_call.names(spec), "without": without}

    def same(self, one, other):
        return self.equal(one, other) if isinstance(one, self.Tensor) else True

    def raw(self, tensor):
        """The bytes of a tensor's elements, in order."""
        held = tensor.detach().resolve_conj().resolve_neg().contiguous().cpu()
        return ctypes.string_at(self.pointer(held), held.numel() * held.element_size()) if held.numel() else b""

    def poison(self, sizes, calls):
        """Leave NaN (bytes of ones) where outputs will be made: what is not written shows."""
        held = []
        for size in sizes * calls:
            if sum(map(len, held)) + size > self.device.free() // 2:
                break
            held.append(self.torch.full((size,), 255, dtype=self.torch.uint8, device=self.at))
        del held

    # --- regions ------------------------------------------------------------------------------------------

    def do_region(self, message):
        """Time calls with an input of its own each. See the parent's `KernelSession.region`."""
        text, seeds, spec = message["text"], message["seeds"], message["spec"]
        calls = [] if message["late"] else self.bound(text, seeds, spec)
        self.poison(message["sizes"], len(seeds))
        while len(self.marks) < 2 * len(seeds):
            self.marks += self.device.marks(2)
        idle = self.idle(message) if message["idle"] else None
        self.device.synchronise()
        self.reply({"ready": True})
        if wire.receive_exactly(self.server.sock, 1) != GO:
            return None
        outputs, failed = [], ""
        try:
            calls = calls or self.bound(text, seeds, spec)
            with self.around():
                self.calls([idle or call.run for call in calls], self.built[text][1], outputs, message)
            self.device.synchronise()
        except BaseException as error:
            failed = self.told(error)
        self.reply({"done": True})
        probes = wire.receive(self.server.sock)["probes"]
        if failed:
            return {"error": failed}
        flats = [self.flat(output) if idle else call.tensors(output) for call, output in zip(calls, outputs)]
        return self.shown(flats, calls, probes)

    def bound(self, text, seeds, spec):
        """A call for each seed, ready to run."""
        calls = [self.call(self, text, seed, spec) for seed in seeds]
        for call in calls:
            call.bound(self.built[text][1])
        return calls

    def calls(self, runs, module, outputs, message):
        cold, one_by_one, hold = message["cold"], message["one_by_one"], message["hold"]
        device, marks = self.device, self.marks
        for index, run in enumerate(runs):
            if hold:
                device.hold(hold)
            if cold:
                device.flush()
            device.mark(marks, 2 * index)
            outputs.append(run(module))
            device.mark(marks, 2 * index + 1)
            if one_by_one:
                device.synchronise()

    def idle(self, message):
        """What stands in for the module where a region is to show what it costs by itself."""
        made = [self.torch.zeros(size, dtype=self.torch.uint8, device=self.at) for size in message["sizes"]]
        return lambda module: tuple(made)

    def shown(self, flats, calls, probes):
        """Seconds of each call, and some elements of each output and each argument, chosen by the parent just now."""
        chosen = [[self.chosen(output, probes + index) for output in flat] for index, flat in enumerate(flats)]
        given = [[self.chosen(value, ~probes) for value in call.given if isinstance(value, self.Tensor)] for call in calls]
        spans = [self.spans(flat) for flat in flats]
        return {
            "seconds": [self.device.between(self.marks, 2 * i, 2 * i + 1) for i in range(len(flats))],
            "about": [[described(output) for output in flat] for flat in flats],
            "outputs": [[self.raw(values) for values in call] for call in chosen],
            "arguments": [[self.raw(values) for values in call] for call in given],
            "alias": [overlaps(own, self.spans(call.given)) for own, call in zip(spans, calls)],
            "shared": meet(spans),
        }

    def chosen(self, tensor, seed):
        torch, count = self.torch, tensor.numel()
        if count <= PROBES:
            return tensor.reshape(-1)
        chooser = torch.Generator().manual_seed(seed % (1 << 62))
        return tensor.reshape(-1)[torch.randint(count, (PROBES,), generator=chooser).to(self.at)]

    def spans(self, values):
        """(first, last + 1) of the addresses of each tensor."""
        found = []
        for value in values:
            if isinstance(value, self.Tensor) and value.numel():
                reach = sum((n - 1) * stride for n, stride in zip(value.shape, value.stride())) + 1
                start = self.pointer(value)
                found.append((start, start + reach * value.element_size()))
            else:
                found.append((0, 0))
        return found

    # --- the reference's own -------------------------------------------------------------------------------

    def truth(self, message, seed):
        """What a call is given, this module's outputs, and the same in double precision as far as that works."""
        from . import kernel_error

        call = self.call(self, message["text"], seed, message["spec"])
        wanted, _ = self.answered(call, self.built[message["text"]][1])
        exact = kernel_error.exact(self, message, seed) or []
        return call.given, wanted, exact + [None] * (len(wanted) - len(exact))

    def do_errors(self, message):
        """How far this module's own outputs are from the truth, for each of some inputs."""
        from . import kernel_error

        rows = []
        for seed in message["seeds"]:
            arguments, wanted, exact = self.truth(message, seed)
            rows.append([kernel_error.row(self.torch, own, own, true, arguments) for own, true in zip(wanted, exact)])
        return {"errors": {"rows": rows}}

    def do_compare(self, message):
        """Hold outputs that the parent sends against this module's and against the same in double precision."""
        from . import kernel_error

        arguments, wanted, exact = self.truth(message, message["seed"])
        self.reply({})
        rows = []
        for output, true in zip(wanted, exact):
            size = output.numel() * output.element_size()
            data, at = bytearray(size), 0
            while at < size:
                piece = wire.receive(self.server.sock)["piece"]
                data[at : at + len(piece)] = piece
                at += len(piece)
            given = self.torch.frombuffer(data, dtype=output.dtype) if data else self.torch.empty(0, dtype=output.dtype)
            rows.append(kernel_error.row(self.torch, output, given.reshape(output.shape).to(self.at), true, arguments))
        return {"rows": rows}

    def do_rates(self, message):
        """What the device reaches: the parent's roofline."""
        from . import kernel_rates

        return {"rates": kernel_rates.measured(self)}

    def do_cost(self, message):
        """Bytes and operations of one call of this module."""
        from . import kernel_rates

        return {"cost": kernel_rates.cost(self, message["text"], message["seed"])}

    def do_profile(self, message):
        """Which kernels the module runs."""
        from . import kernel_profile

        return {"profile": kernel_profile.profiled(self, message["text"], message["seed"], message["spec"])}

    def do_compiled(self, message):
        """What its own kernels were compiled to."""
        from . import kernel_compiled

        return {"compiled": kernel_compiled.compiled(self, message["text"], message["seed"], message["spec"])}

    def do_counters(self, message):
        """What the hardware counts in one call."""
        from . import kernel_counters

        return {"counters": kernel_counters.counted(self, message)}

    def do_graph(self, message):
        """The operations of one call of this module, as plain data."""
        from . import kernel_graph

        return {"graph": kernel_graph.captured(self, message["text"], message["seed"], message["open"])}

    # --- frames -------------------------------------------------------------------------------------------

    def reply(self, message):
        wire.send(self.server.sock, message)

    def told(self, error):
        from . import main

        memory = isinstance(error, MemoryError) or "out of memory" in str(error).lower()
        return ("out of memory: " if memory else "") + main.describe(error)


class Printing:
    """Keep what a program prints away from the engine."""

    def __init__(self, server):
        from . import main

        self.release, self.held = main.release, main.capture(FILES)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release(self.held)


def serve(server, message):
    """Serve kernel messages until the parent goes."""
    try:
        kernel = Kernel(server, message["device"])
    except BaseException as error:
        from . import main

        return wire.send(server.sock, {"error": main.describe(error)})
    check, tell = seal.take(server.sock)
    device = kernel.device
    wire.send(
        server.sock,
        {
            "device": device.name, "kind": device.kind, "capability": list(device.capability), "l2": device.l2,
            "memory": device.memory, "torch": kernel.torch.__version__,
        },
    )
    while True:
        try:
            message = wire.receive(server.sock)
        except EOFError:
            return None
        if broken := check():
            return tell(broken)
        kernel.serve(message)
