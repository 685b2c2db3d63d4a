"""One call of a module: forward alone, or forward and then the gradients with respect to its inputs and parameters.

What is differentiated is found out on the reference (`Backward.found`), and then is the same for all: the parent sends it along
as `spec`. The upstream gradient of an output is drawn from the call's own seed, by shape and type, before the call.
"""

UPSTREAM = 1 << 41  # added to a call's seed, which has 40 bits
COMPILED = "_orig_mod."  # what torch.compile puts before the names of parameters


class Missing(TypeError):
    """A gradient that the reference has and this module has not."""


class Forward:
    """A call without gradients.

    Attributes:
        arguments: What the module gets.
        upstream: Gradients of outputs.
        given: All that it may not change.
        between: How much memory to poison, in multiples of the answers': what is computed on the way to them takes some.
    """

    upstream = ()
    between = 1

    def __init__(self, kernel, text, seed, spec=None):
        self.kernel = kernel
        self.arguments = self.given = kernel.inputs(text, seed)

    def widened(self):
        """The same in double precision."""
        self.arguments = [widened(self.kernel, value) for value in self.arguments]
        return self

    def bound(self, module):
        """Look up what `run` needs of the module."""

    def run(self, module):
        """The timed part, within `Kernel.around`."""
        return module(*self.arguments)

    def tensors(self, found):
        """All tensors that came of `run`, in order. Raises TypeError for anything that is not one."""
        return self.kernel.flat(found)


class Backward(Forward):
    """A call with its gradients: `run` gives the module's outputs, and one gradient for each place that `spec` has.

    Without `spec` everything that can be differentiated is, with an upstream gradient that is drawn after the outputs.
    """

    between = 4

    def __init__(self, kernel, text, seed, spec=None):
        self.kernel, self.seed, self.spec, self.grad = kernel, seed, spec, kernel.grad
        self.arguments = [leaf(kernel, value) for value in kernel.inputs(text, seed)]
        self.upstream = drawn(kernel, seed, [(dtype, shape) for dtype, shape, used in spec["outputs"] if used]) if spec else []
        self.given = [*self.arguments, *self.upstream]
        self.places, self.seen = [], []

    def widened(self):
        self.arguments = [
            widened(self.kernel, value).detach().requires_grad_() if is_leaf(self.kernel, value) else widened(self.kernel, value)
            for value in self.arguments
        ]
        self.upstream = [value.double() for value in self.upstream]
        return self

    def bound(self, module):
        if self.spec:
            weights = matched(module, self.spec["parameters"])
            self.places = [*(self.arguments[index] for index in self.spec["arguments"]), *weights]
        else:
            self.places = [*(value for value in self.arguments if is_leaf(self.kernel, value)), *parameters(module).values()]

    def run(self, module):
        outputs = self.kernel.flat(module(*self.arguments))
        if self.spec:
            used = [output for output, (_, _, has) in zip(outputs, self.spec["outputs"]) if has]
        else:
            self.seen = [[*described(output), output.requires_grad and differentiable(output)] for output in outputs]
            used = [output for output, (_, _, has) in zip(outputs, self.seen) if has]
            self.upstream = drawn(self.kernel, self.seed, [described(output) for output in used])
        try:
            found = self.grad(used, self.places, self.upstream, allow_unused=True) if self.upstream and self.places else ()
        except RuntimeError:
            if told := self.unlike(outputs):
                raise Missing(told) from None
            raise
        # Detached, or the graph, and what it has kept, would stay as long as the outputs do.
        return [output.detach() for output in outputs], found

    def unlike(self, outputs):
        """Why these outputs cannot be differentiated as the reference's are, in one line; "" where that is not why."""
        wanted = self.spec["outputs"] if self.spec else []
        if wanted and len(outputs) != len(wanted):
            return "it answers with %d tensors, the reference with %d" % (len(outputs), len(wanted))
        for index, (output, (dtype, shape, used)) in enumerate(zip(outputs, wanted)):
            if described(output) != [dtype, shape]:
                return "output %d is %s%s, the reference's %s%s" % (index, *described(output), dtype, shape)
            if used and not output.requires_grad:
                return "output %d has no grad_fn where the reference's has one: write a torch.autograd.Function" % index
        return ""

    def tensors(self, found):
        outputs, gradients = found
        if self.spec:
            for name, value in zip(names(self.spec), gradients):
                if value is None:
                    raise Missing("it gives no %s, the reference does" % name)
        gradients = [value for value in gradients if value is not None]
        if any(value.layout is not self.kernel.strided for value in gradients):
            raise TypeError("a gradient is sparse: only dense ones are compared")
        return [*outputs, *self.kernel.flat(gradients)]

    def found(self, module, ran):
        """(spec, what has no gradient, in words), after `run` without `spec`: the reference says what is differentiated."""
        leaves = [index for index, value in enumerate(self.arguments) if is_leaf(self.kernel, value)]
        weights = parameters(module)
        has = dict(zip([*leaves, *weights], (value is not None for value in ran[1])))
        spec = {
            "outputs": self.seen,
            "count": len(self.arguments),
            "arguments": [index for index in leaves if has.get(index)],
            "parameters": [[name, list(value.shape), bool(has.get(name))] for name, value in weights.items()],
        }
        without = ["output %d (%s)" % (index, dtype) for index, (dtype, _, used) in enumerate(self.seen) if not used]
        without += [
            "argument %d (%s)" % (index, described(value)[0])
            for index, value in enumerate(self.arguments)
            if isinstance(value, self.kernel.Tensor) and not has.get(index)
        ]
        own = {name.removeprefix(COMPILED): value for name, value in module.named_parameters()}
        without += ["parameter %s (%s)" % (name, described(value)[0]) for name, value in own.items() if not has.get(name)]
        return spec, without


def names(spec):
    """What the places of gradients are called, in order."""
    found = ["gradient of argument %d" % index for index in spec["arguments"]]
    return found + ["gradient of parameter %s" % name for name, _, used in spec["parameters"] if used]


def described(tensor):
    return [str(tensor.dtype).partition(".")[2], list(tensor.shape)]


def differentiable(tensor):
    """Whether autograd has gradients of that type: of floats, but not of those of 8 bits."""
    return tensor.dtype.is_floating_point and tensor.dtype.itemsize > 1


def is_leaf(kernel, value):
    return isinstance(value, kernel.Tensor) and value.requires_grad


def leaf(kernel, value):
    floats = isinstance(value, kernel.Tensor) and differentiable(value)
    return value.detach().requires_grad_() if floats else value


def widened(kernel, value):
    floats = isinstance(value, kernel.Tensor) and value.dtype.is_floating_point
    return value.double() if floats else value


def drawn(kernel, seed, about):
    """Upstream gradients of outputs of these types and shapes."""
    kernel.seed(seed + UPSTREAM)
    return [kernel.torch.randn(shape, dtype=getattr(kernel.torch, dtype), device=kernel.at) for dtype, shape in about]


def parameters(module):
    """Parameters that have gradients, by name."""
    own = module.named_parameters()
    return {name.removeprefix(COMPILED): value for name, value in own if value.requires_grad and differentiable(value)}


def matched(module, wanted):
    """A module's own parameters in the places of the reference's: by name and shape, else, where all shapes agree, in order."""
    own = parameters(module)
    used = [(name, shape) for name, shape, has in wanted if has]
    if all(name in own and list(own[name].shape) == shape for name, shape in used):
        return [own[name] for name, _ in used]
    values = list(own.values())
    if [list(value.shape) for value in values] == [shape for _, shape, _ in wanted]:
        return [value for value, (_, _, has) in zip(values, wanted) if has]
    said = [", ".join("%s%s" % pair for pair in rows) or "none" for rows in ([(n, list(v.shape)) for n, v in own.items()], used)]
    raise Missing("its parameters with gradients are %s, the reference's %s: their gradients cannot be compared" % tuple(said))
