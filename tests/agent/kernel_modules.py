"""Modules that the rules for kernels are tried on: none of them was looked at while the rules were written."""

from __future__ import annotations

HEAD = "import math\nimport torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


def module(forward: str, inputs: str, init: str = "pass", sizes: str = "R=6, C=77", other: str = "R=5, C=130", dtype: str = "float32") -> str:
    """A reference's text.

    Args:
        forward: The body of `forward`, in one line.
        inputs: "x=(R, C), y=(C,)": its arguments and how they are made: shapes of normal numbers, or expressions.
        sizes, other: Numbers at the top, and those of the shape that is held out.
    """
    names = [part.split("=", 1)[0].strip() for part in inputs.split(";")]
    made = [part.split("=", 1)[1].strip() for part in inputs.split(";")]
    values = [f"torch.randn{text}.to(DTYPE)" if text.startswith("(") else text for text in made]
    held_out = "{" + ", ".join(f"{part.split('=')[0].strip()!r}: {part.split('=')[1]}" for part in other.split(",")) + "}"
    return "\n".join(
        [
            HEAD,
            f"DTYPE = torch.{dtype}",
            *(part.strip().replace("=", " = ") for part in sizes.split(",")),
            f"HELD_OUT = [{held_out}]" if other != sizes else "",
            "",
            "class Model(nn.Module):",
            "    def __init__(self):",
            "        super().__init__()",
            f"        {init}",
            f"    def forward(self, {', '.join(names)}):",
            f"        {forward}",
            "",
            "def get_inputs():",
            f"    return [{', '.join(values)}]",
            "",
            "def get_init_inputs():",
            "    return []",
            "",
        ]
    )


BATCH = {"sizes": "B=2, T=40", "other": "B=3, T=20"}
BLOCKS = {"sizes": "B=1, T=150", "other": "B=1, T=131"}  # more rows than a block has
IMAGE = {"sizes": "B=2, H=9, W=7", "other": "B=3, H=6, W=11"}

POINTS = {
    "activations": module("return F.mish(x) * F.softplus(y) - F.elu(x, 0.7) + torch.tanh(x * 0.01)", "x=(R, C); y=(R, C)"),
    "broadcast": module("return F.hardswish(x + self.b) * self.s[:, None]", "x=(R, 77)", "self.b = nn.Parameter(torch.randn(77)); self.s = nn.Parameter(torch.randn(6))", "R=6", "R=6"),
    "turned": module("return (F.selu(x).transpose(1, 2) + y).contiguous() * 2", "x=(R, C, 5); y=(C,)"),
    "channels": module("return F.leaky_relu(self.n(x), 0.2) + x", "x=(B, 7, H, W)", "self.n = nn.BatchNorm2d(7).eval(); self.n.train = lambda mode=True: self.n", **IMAGE),
    "half": module("return (F.gelu(x) * torch.sigmoid(y)).clamp(-1, 1)", "x=(R, C); y=(R, 1)", dtype="bfloat16"),
    "gate": module("a, b = self.l(x).chunk(2, dim=-1); return F.silu(a) * b", "x=(R, C)", "self.l = nn.Linear(33, 50)", "R=6, C=33", "R=130, C=33"),
    "integers": module("return torch.where(y > 3, x, -x) * y", "x=(R, C); y=torch.randint(7, (R, C))"),
}
ROWS = {
    "softmax": module("return F.softmax(x / 0.7 + y, dim=-1) * 3", "x=(R, C); y=(R, C)"),
    "layer_norm": module("return torch.relu(self.n(x + y)) + x, x + y", "x=(R, 3, 100); y=(R, 3, 100)", "self.n = nn.LayerNorm(100)", "R=6", "R=2"),
    "rms": module("h = x.float(); return (h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * self.w.to(x.dtype)", "x=(R, 1000)", "self.w = nn.Parameter(torch.rand(1000))", "R=6", "R=5", dtype="float16"),
    "logsumexp": module("return torch.log(torch.logsumexp(x * y, dim=1).abs() + 1), x.amax(1)", "x=(R, C); y=(C,)"),
    "groups": module("return self.n(x) * torch.sigmoid(x)", "x=(B, 6, H, W)", "self.n = nn.GroupNorm(3, 6)", **IMAGE),
    "instances": module("return self.n(x).abs().mean(dim=(2, 3))", "x=(B, 5, H, W)", "self.n = nn.InstanceNorm2d(5, affine=True)", **IMAGE),
    "columns": module("return (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 0.1)", "x=(R, C, 9)"),
    "channel_softmax": module("return torch.log_softmax(x, 1).max(1)[0] + y", "x=(B, 20, H, W); y=(H, W)", **IMAGE),
    "extremes": module("return x.argmax(1), x.min(1)[0], F.normalize(x, dim=1)", "x=(R, C)"),
    "double": module("return x.var(-1) / x.norm(dim=-1)", "x=(R, C)", dtype="float64"),
    "masked": module("return F.softmax(x.masked_fill(m, float('-inf')), -1).sum(0)", "x=(R, C); m=torch.rand(R, C) > 0.8"),
    "cross_entropy": module("return F.cross_entropy(x, y, label_smoothing=0.1)", "x=(R, C); y=torch.randint(C, (R,))"),
}
WHOLE = {
    "mse": module("return F.mse_loss(torch.sigmoid(x), y)", "x=(R, C); y=(R, C)", "pass", "R=700, C=77", "R=300, C=201"),
    "kl": module("return F.kl_div(x, y, reduction='batchmean', log_target=True)", "x=(R, C); y=(R, C)", "pass", "R=300, C=200", "R=77, C=500"),
    "scaled": module("return x / x.norm() + x.max()", "x=(R, C)", "pass", "R=300, C=200", "R=77, C=500"),
    "over_rows": module("return x.mean(0), x.var(0), torch.logsumexp(x, 0)", "x=(R, C)", "pass", "R=40000, C=3", "R=35000, C=2"),
    "few_rows": module("return x.std(1) * 2, F.huber_loss(x, y, delta=0.5), x.argmin(1)", "x=(R, C); y=(R, C)", "pass", "R=2, C=40000", "R=3, C=50001"),
    "hinge": module("return torch.clamp(1 - x * y, min=0).sum() / y.numel()", "x=(R, C); y=(R, C)", "pass", "R=300, C=200", "R=77, C=500"),
}
SCANS = {
    "sum": module("return torch.cumsum(x, dim=1)", "x=(R, C)"),
    "weighed": module("return torch.cumsum(x * y, -1) / (y.abs() + 1)", "x=(R, C); y=(R, C)"),
    "down": module("return F.relu(torch.cumsum(x, 1))", "x=(R, C, 5)"),
    "backwards": module("return torch.cumsum(x.flip(1), 1).flip(1) * 2", "x=(R, C)"),
    "product": module("return torch.cumprod(1 + x * 0.05, dim=1)", "x=(R, C)"),
    "masked": module("return torch.cumsum(torch.where(m, x, 0.0), 1).half()", "x=(R, C); m=torch.rand(R, C) > 0.5"),
    "counted": module("return torch.cumsum(x, 1), (x > 2).cumsum(1)", "x=torch.randint(9, (R, C))"),
}
PRODUCTS = {
    "linear": module("return self.l(x)", "x=(R, 76)", "self.l = nn.Linear(76, 50)", "R=33", "R=20"),
    "residual": module("return F.gelu(self.l(x), approximate='tanh') * 0.5 + x", "x=(B, T, 64)", "self.l = nn.Linear(64, 64, bias=False)", **BATCH),
    "plain": module("return F.relu(x @ y - z)", "x=(R, C); y=(C, 40); z=(R, 1)", "pass", "R=33, C=64", "R=70, C=52"),
    "turned": module("return x.t() @ y.t()", "x=(C, R); y=(40, C)", "pass", "R=33, C=64", "R=70, C=52"),
    "batch": module("return torch.bmm(x, y).sigmoid() + z", "x=(B, T, 32); y=(B, 32, 20); z=(20,)", **BATCH),
    "heads": module("return torch.matmul(x, y.transpose(-2, -1)) * 0.3", "x=(B, 3, T, 32); y=(B, 3, 17, 32)", **BATCH),
    "half": module("return torch.tanh(self.l(x)) + y", "x=(R, 64); y=(R, 48)", "self.l = nn.Linear(64, 48, dtype=torch.float16)", "R=33", "R=20", dtype="float16"),
    "container": module("return self.l(x)", "x=(R, 64)", "self.l = nn.Sequential(nn.Linear(64, 48), nn.LayerNorm(48), nn.GELU())", "R=33", "R=20"),
    "layers": module("return F.softmax(self.o(F.silu(self.l(x))), -1)", "x=(R, 64)", "self.l = nn.Linear(64, 96); self.o = nn.Linear(96, 30)", "R=33", "R=20"),
}
W4 = (
    "c = torch.stack((w & 15, w >> 4), dim=-1).flatten(1).to(torch.int8) - 8; "
    "w = (c.unflatten(1, (s.shape[1], -1)).to(DTYPE) * s[..., None]).flatten(1); return (x @ w.t()) * 0.5"
)
WHOLE_PRODUCTS = {
    "four_bits": module(W4, "x=(R, 64); w=torch.randint(256, (40, 32), dtype=torch.uint8); s=(40, 4)", "pass", "R=33", "R=70"),
    "eight_bits": module(
        "return (torch._int_mm(x, y.t()) * a[:, None] * 0.1).to(DTYPE)",
        "x=torch.randint(-9, 9, (R, 64), dtype=torch.int8); y=torch.randint(-9, 9, (40, 64), dtype=torch.int8); a=(R,)", "pass", "R=33", "R=70",
    ),
    "gated": module("return (F.silu(x) * y) @ w + 1", "x=(R, C); y=(R, C); w=(C, 40)", "pass", "R=33, C=64", "R=70, C=52"),
    "scaled_columns": module("return x @ (w * s[:, None])", "x=(R, C); w=(C, 40); s=(C,)", "pass", "R=33, C=64", "R=70, C=52"),
    "batch_of_squares": module("return torch.bmm(x * x, y.exp())", "x=(B, T, 32); y=(B, 32, 20)", **BATCH),
    "picked": module(
        "h = torch.bmm(x, d[i].transpose(1, 2)); return torch.bmm(h, u[i].transpose(1, 2)) + x[..., :1]",
        "x=(B, 1, 64); d=(5, 8, 64); u=(5, 40, 8); i=torch.randint(-2, 5, (B,))", "pass", "B=6, T=1", "B=9, T=1",
    ),
}
SELECTIONS = {
    "router": module("v, i = torch.topk(x, 2, dim=-1); return F.softmax(v, -1), i", "x=(B, T, 9)", **BATCH),
    "many": module("return torch.topk(x * 2, 5)", "x=(R, C)", "pass", "R=3, C=150", "R=2, C=200"),
    "only_columns": module("return x.topk(1)[1]", "x=(R, C)", dtype="float16"),
    "not_numbers": module("v, i = torch.topk(torch.where(x > 1, float('nan'), -x.abs()), 40); return v, (i >= 0)", "x=(R, C)"),
}
QKV = "q=(B, 2, T, 32); k=(B, 2, T, 32); v=(B, 2, T, 32)"
CODES = "kc=torch.randint(256, (B, 2, T, 16), dtype=torch.uint8); ks=(B, 2, T, 4)"
ATTENTIONS = {
    "few_rows_over_codes": module(
        "c = torch.stack((kc & 15, kc >> 4), -1).flatten(-2).unflatten(-1, (4, -1)); k = (c * ks[..., None]).flatten(-2); "
        "s = (q @ k.transpose(-2, -1) * 0.1).masked_fill(torch.arange(k.shape[2]) >= n[:, None, None, None], float('-inf')); "
        "return torch.softmax(s, -1) @ (v * 2)",
        f"q=(B, 2, 3, 32); {CODES}; v=(B, 2, T, 32); n=torch.randint(5, 20, (B,))", **BATCH,
    ),
    "own": module("return F.scaled_dot_product_attention(q, k, v, is_causal=True)", QKV, **BATCH),
    "other_rows": module("return F.scaled_dot_product_attention(q, k, v, scale=0.3).transpose(1, 2).flatten(2)", "q=(B, 2, 20, 24); k=(B, 2, T, 24); v=(B, 2, T, 24)", **BATCH),
    "window": module(
        "p = torch.arange(q.shape[2]); since = p[:, None] - p; s = q @ k.transpose(-2, -1) * 0.2; "
        "return torch.softmax(s.masked_fill((since < 0) | (since >= 7), float('-inf')), -1) @ v", QKV, **BLOCKS,
    ),
    "window_and_more": module(
        "p = torch.arange(q.shape[2]); since = p[:, None] - p; s = q @ k.transpose(-2, -1) * 0.2; "
        "return torch.softmax(torch.where((since >= 0) & (since < 9) & (a[:, None, None] | (since < 5)), s, float('-inf')), -1) @ v",
        QKV + "; a=torch.rand(B, T) > 0.5", **BLOCKS,
    ),
    "causal_mask_of_booleans": module(
        "s = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5; n = q.shape[-2]; later = torch.ones(n, n, dtype=torch.bool).triu(1); "
        "return torch.softmax(s.masked_fill(later, float('-inf')), -1) @ v", QKV, **BLOCKS,
    ),
    "written": module("s = (q @ k.transpose(-2, -1)) / math.sqrt(32); return torch.softmax(s, -1) @ v", QKV, **BATCH),
    "bias": module("s = torch.bmm(q, k.transpose(1, 2)) * 0.2 + self.b; return torch.bmm(F.softmax(s, dim=-1), v) * 2", "q=(B, 40, 16); k=(B, 40, 16); v=(B, 40, 48)", "self.b = nn.Parameter(torch.randn(40, 40))", "B=2", "B=3"),
    "causal": module("s = torch.matmul(q, k.transpose(-2, -1)) * 0.2; m = torch.triu(torch.ones(s.shape[-1], s.shape[-1], dtype=torch.bool), 1); return F.softmax(s.masked_fill(m, float('-inf')), -1) @ v", QKV, **BATCH),
    "half": module("return F.scaled_dot_product_attention(q, k, v)", QKV, dtype="float16", **BATCH),
    "block": module("q, k, v = [t.view(t.size(0), t.size(1), 2, 16).transpose(1, 2) for t in self.l(x).split(32, dim=2)]; s = (q @ k.transpose(-2, -1) * 0.25).masked_fill(self.m[:, :, :x.size(1), :x.size(1)] == 0, float('-inf')); y = F.softmax(s, -1) @ v; return self.o(y.transpose(1, 2).reshape(x.size(0), x.size(1), 32))", "x=(B, T, 32)", "self.l = nn.Linear(32, 96); self.o = nn.Linear(32, 32); self.register_buffer('m', torch.tril(torch.ones(48, 48))[None, None])", **BATCH),
}
