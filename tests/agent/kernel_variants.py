"""Variants of what the templates for kernels are for: other shapes, types, orders of operations, masks, axes and readers.

Of each template at least five; none of them was looked at while the template was written. Rows of up to 32 elements are read at
once where they are tried, longer ones in pieces: so most have a shape of each kind.
"""

from __future__ import annotations

from .kernel_modules import module

SMALL = {"sizes": "R=5, C=77", "other": "R=7, C=19"}
HIGH = {"sizes": "R=70, C=9", "other": "R=13, C=40"}
ONE = {"sizes": "R=1, C=45", "other": "R=1, C=45"}
CUBE = {"sizes": "B=3, R=5, C=41", "other": "B=2, R=33, C=6"}
IMAGE = {"sizes": "B=2, H=7, W=9", "other": "B=1, H=5, W=3"}

POINTS = {
    "powers_and_remainders": module("return x.abs() ** 1.5 - x ** 3 + (x * x + 1) ** -0.5 + 1 / (x.abs() + 1)", "x=(R, C)", **SMALL),
    "one_element": module("return torch.exp(x) * y - z", "x=(1,); y=(1, 1); z=(R, 1)", **SMALL),
    "no_dimension": module("return x * torch.sigmoid(y) + 2", "x=(R, C); y=torch.tensor(0.7)", **SMALL),
    "turned_inputs": module("return x * 2 + y.t()", "x=torch.randn(C, R).t(); y=torch.randn(C, 2 * R)[:, ::2]", **SMALL),
    "parts": module("return x[:, 1::2] * y[0, :, None] - x[:, :-1:2].relu()", "x=(R, C); y=(2, R)", "pass", "R=5, C=77", "R=7, C=19"),
    "four_axes": module("return (x.permute(0, 2, 3, 1) + b).permute(0, 3, 1, 2) * c[:, :, None, None]", "x=(B, 6, H, W); b=(6,); c=(B, 1)", **IMAGE),
    "reshaped_between": module("h = F.silu(x).view(x.shape[0], -1); return (h * 3 + y.flatten(1)).view_as(x)", "x=(B, R, C); y=(B, R, C)", **CUBE),
    "answers_with_both": module("a = torch.tanh(x + y); b = a * x; return a, b, (b - a).abs().sqrt()", "x=(R, C); y=(C,)", dtype="float16", **SMALL),
    "same_answer_twice": module("a = x.exp(); return a, a * 1, x.clone()", "x=(R, C)", **SMALL),
    "copies_of_arguments": module("return x.t().contiguous(), x.clone(), x.t().reshape(-1), x + 1", "x=(R, C)", **SMALL),
    "in_place": module("h = x * 2; h += y; h.clamp_(min=-0.5).mul_(x); return h, h + 1", "x=(R, C); y=(R, 1)", dtype="bfloat16", **SMALL),
    "bytes_wrap": module("return x + y, (x ^ y) + 1, x * 3 - y, (x >> 2) | (y << 1)", "x=torch.randint(256, (R, C), dtype=torch.uint8); y=torch.randint(256, (R, C), dtype=torch.uint8)", **SMALL),
    "integers_and_floats": module("return x / 3 + y, x * 2 + 1, (x > y) & (x != 3), -x.abs()", "x=torch.randint(-9, 9, (R, C)); y=(R, C)", **SMALL),
    "booleans": module("m = ~((x > 0) | (y < 0.1)); return m, torch.where(m, x, y), m * x, m.float() - 0.5", "x=(R, C); y=(C,)", **SMALL),
    "not_numbers": module("h = torch.where(x > 1, float('nan'), x); return h.clamp(-0.3, 0.4), torch.maximum(h, y), torch.minimum(y, h), h.isnan()", "x=(R, C); y=(R, C)", **SMALL),
    "other_activations": module("return F.hardtanh(x, -0.4, 0.6) + F.relu6(4 * x) * F.hardsigmoid(x) + F.celu(x, 0.8) - F.softshrink(x, 0.3) + F.hardshrink(x) + F.logsigmoid(x) + F.softplus(x, 2, 3)", "x=(R, C)", **SMALL),
    "slopes_of_channels": module("return F.threshold(self.p(x), -0.1, 3.0) * self.s", "x=(B, 5, H, W)", "self.p = nn.PReLU(5); self.s = nn.Parameter(torch.randn(9, 5).t()[None, :, :1, None])", **IMAGE),
    "weights_that_lie_apart": module("return x * self.w + self.b", "x=(R, 6)", "self.w = nn.Parameter(torch.randn(6, 4).t()[1:2]); self.register_buffer('b', torch.randn(1).expand(6))", "R=9", "R=40"),
    "weights_turned": module("return torch.relu(x - self.w) + self.w * 2", "x=(B, 6, 4)", "self.w = nn.Parameter(torch.randn(4, 6).t())", "B=3", "B=8"),
    "double": module("return torch.erf(x) * torch.expm1(y) + torch.log1p(x.abs()) + torch.exp2(y) * torch.log2(x.abs() + 1)", "x=(R, C); y=(R, C)", dtype="float64", **SMALL),
    "types_mixed": module("return (x.half() * y).float() + x.double().float() - x.to(torch.int32) + (y > x).half()", "x=(R, C); y=(R, C)", **SMALL),
    "short_and_long": module("return (x * y).to(torch.bfloat16), x + y, y * 2", "x=torch.randn(R, C).double(); y=torch.randn(R, C).bfloat16()", **SMALL),
    "places": module("p = torch.arange(x.shape[1]); return x * (p % 3 + p) + torch.arange(2, 2 + 3 * x.shape[0], 3)[:, None] * 0.5, x.tril(1) + x.triu(-2)", "x=(R, C)", **SMALL),
    "steps_of_a_size": module("return torch.div(x, 0.25, rounding_mode='floor') + torch.lerp(x, y, 0.3) + torch.addcmul(x, x, y, value=2)", "x=torch.randint(9, (R, C)) / 2; y=(R, C)", **SMALL),
    "steps_that_are_no_power": module("return torch.div(x, 0.1, rounding_mode='floor') + y", "x=torch.randint(9, (R, C)).float(); y=(R, C)", **SMALL),
    # Rows of one element reduce to nothing.
    "softmax_of_one": module("return torch.softmax(x, 1) + y, x.logsumexp(1), x.argmax(1)", "x=(R, 1); y=(R, C)", **SMALL),
    "variance_of_one": module("return x.var(1, correction=0) + 1, x.sum(1), x.amax((1,)), F.layer_norm(x, (1,)) + x", "x=(R, 1); y=(R, C)", **SMALL),
}
ROWS = {
    # softmax
    "softmax_of_columns": module("return torch.softmax(x * 2, 0)", "x=(R, C)", **HIGH),
    "softmax_of_the_middle": module("return torch.softmax(x + y, 1) * x", "x=(B, R, C); y=(R, 1)", dtype="bfloat16", **CUBE),
    "softmax_of_four": module("return F.softmax(x, dim=1).log(), F.softmax(-x, dim=-1)", "x=(B, 40, H, W)", **IMAGE),
    "softmax_masked": module("s = x.masked_fill(m == 0, float('-inf')); w = torch.softmax(s, -1); return w, w.sum(-1)", "x=(R, C); m=torch.rand(R, C).gt(0.4).int()", **SMALL),
    "softmax_by_hand": module("e = torch.exp(x - x.max(dim=-1, keepdim=True).values); return e / e.sum(-1, keepdim=True), e", "x=(R, C)", dtype="float16", **SMALL),
    "log_softmax_turned": module("return F.log_softmax(x.transpose(1, 2), dim=-1).transpose(1, 2) + 1", "x=(B, R, C)", **CUBE),
    "softmax_in_float": module("return F.softmax(x, -1, dtype=torch.float32).to(x.dtype) * y", "x=(R, C); y=(C,)", dtype="bfloat16", **SMALL),
    # log-sum-exp
    "logsumexp_of_two": module("return torch.logsumexp(x, (1, 2), keepdim=True) - x", "x=(B, R, C)", **CUBE),
    "logsumexp_of_infinities": module("return torch.logsumexp(torch.where(x > 0, x, float('-inf')), 0), torch.logsumexp(torch.where(y > 1, float('inf'), y), 1)", "x=(R, C); y=(R, C)", **HIGH),
    "logsumexp_turned": module("return (x.t() * 3).logsumexp(0), (x.t() * 3).amin(0)", "x=torch.randn(R, C).to(DTYPE)", dtype="float16", **SMALL),
    "logsumexp_large": module("return torch.logsumexp(x * 90, 1) - x.mean(1)", "x=(R, C)", **SMALL),
    "logsumexp_of_one_row": module("return torch.logsumexp(x, 1), torch.logsumexp(x, 0)", "x=(R, C)", **ONE),
    # norms
    "layer_norm_of_two": module("return F.layer_norm(x, x.shape[1:]) * y", "x=(B, R, C); y=(C,)", **CUBE),
    "layer_norm_half": module("h = self.n(x); return h, F.gelu(h) + x", "x=(R, 48)", "self.n = nn.LayerNorm(48, eps=1e-3).half()", "R=5", "R=33", dtype="float16"),
    "layer_norm_after": module("return self.n(F.relu(x).transpose(0, 1)) - x.transpose(0, 1)", "x=(R, B, 20)", "self.n = nn.LayerNorm(20, bias=False)", "B=3, R=5", "B=8, R=1"),
    "layer_norm_far_away": module("return F.layer_norm(x + 1000, (x.shape[-1],))", "x=(R, C)", **SMALL),
    "layer_norm_of_columns": module("m = x.mean(0, keepdim=True); v = ((x - m) ** 2).mean(0, keepdim=True); return (x - m) / torch.sqrt(v + 1e-5)", "x=(R, C)", **HIGH),
    "rms_norm_own": module("return F.rms_norm(x, (x.shape[-1],), None, 1e-6) * 2, x * x", "x=(B, R, C)", dtype="bfloat16", **CUBE),
    "rms_norm_order": module("h = x + y; n = self.w * (h / torch.sqrt((h * h).sum(-1, keepdim=True) / 24 + 1e-6)); return n, h", "x=(R, 24); y=(R, 24)", "self.w = nn.Parameter(torch.rand(24))", "R=6", "R=70"),
    "rms_norm_module": module("return self.n(x) + self.n(y)", "x=(B, R, 40); y=(B, 1, 40)", "self.n = nn.RMSNorm(40)", "B=2, R=3", "B=1, R=9"),
    "rms_norm_of_channels": module("return x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-5) * self.g", "x=(B, 6, H, W)", "self.g = nn.Parameter(torch.rand(6, 1, 1))", **IMAGE),
    "rms_norm_gated": module("h = x.float(); h = h * torch.rsqrt(h.square().mean(-1, keepdim=True) + 1e-6); return (h * F.silu(g.float())).to(x.dtype)", "x=(R, C); g=(R, C)", dtype="bfloat16", **SMALL),
    "group_norm_one": module("return F.group_norm(x, 1) + 1", "x=(B, 4, H)", "pass", "B=2, H=9", "B=1, H=33"),
    "group_norm_each": module("return self.n(x) * y", "x=(B, 4, H, W); y=(B, 4, 1, 1)", "self.n = nn.GroupNorm(4, 4, affine=False)", dtype="float16", **IMAGE),
    "group_norm_five_axes": module("return F.silu(self.n(x)) + x", "x=(B, 6, 2, H, W)", "self.n = nn.GroupNorm(2, 6)", **IMAGE),
    "group_norm_then_mean": module("h = self.n(x + y); return h, h.mean((1, 2, 3))", "x=(B, 6, H, W); y=(1, 6, 1, 1)", "self.n = nn.GroupNorm(3, 6)", **IMAGE),
    "group_norm_by_hand": module("g = x.view(x.shape[0], 2, 3, *x.shape[2:]); g = (g - g.mean((2, 3, 4), keepdim=True)) / (g.var((2, 3, 4), keepdim=True, unbiased=False) + 1e-5).sqrt(); return g.view_as(x)", "x=(B, 6, H, W)", **IMAGE),
    "instance_norm_plain": module("return F.instance_norm(x) * 2", "x=(B, 5, C)", **CUBE),
    "instance_norm_three": module("return self.n(x.relu()) + x", "x=(B, 3, 2, H, W)", "self.n = nn.InstanceNorm3d(3, affine=True)", **IMAGE),
    "instance_norm_half": module("return self.n(x).clamp(-1, 1)", "x=(B, 4, H, W)", "self.n = nn.InstanceNorm2d(4)", dtype="bfloat16", **IMAGE),
    "instance_norm_by_hand": module("v, m = torch.var_mean(x, (2, 3), unbiased=False, keepdim=True); return (x - m) * torch.rsqrt(v + 1e-5)", "x=(B, 4, H, W)", **IMAGE),
    "instance_norm_of_columns": module("s, m = torch.std_mean(x, 1, keepdim=True); return (x - m) / s, m.squeeze(1)", "x=(B, R, C)", **CUBE),
    # reductions
    "several_axes": module("return x.sum((0, 2)), x.amax((1, 2)), x.mean(0, keepdim=True)", "x=(B, R, C)", **CUBE),
    "keepdim": module("return x / x.sum(1, keepdim=True), x.var(1, keepdim=True, correction=0), x.norm(1, 1, keepdim=True)", "x=torch.rand(B, R, C) + 1", **CUBE),
    "arg_of_columns": module("return x.argmax(0), x.argmin(0, keepdim=True), x.max(0)[1] + 1", "x=(R, C)", **HIGH),
    "arg_of_ties": module("return x.argmax(-1), x.argmin(-1), x.max(1).values - x.min(1).values", "x=torch.randint(4, (R, C))", **SMALL),
    "arg_of_half": module("v, i = (x * y).max(1); return v, i, (x * y).argmin(1)", "x=(B, R, C); y=(C,)", dtype="float16", **CUBE),
    "arg_of_not_numbers": module("h = torch.where(x > 1.5, float('nan'), x); return h.argmax(1), h.argmin(1), h.amax(1), h.amin(1)", "x=(R, C)", **SMALL),
    "arg_of_infinities": module("h = torch.where(x > 0, float('-inf'), x); return h.argmin(1), torch.full_like(x, float('-inf')).mul(y).argmax(1), h.amin(1)", "x=(R, C); y=torch.rand(R, C)", **SMALL),
    "arg_of_not_numbers_beside_infinities": module("h = torch.where(x > 1.2, float('nan'), torch.where(x < 0, float('-inf'), float('inf'))); return h.argmax(1), h.argmin(1)", "x=(R, C)", **SMALL),
    "counts": module("m = x > y; return m.sum(1), m.float().mean(0), (x * 3).int().sum(-1)", "x=(R, C); y=(C,)", **SMALL),
    "sum_of_a_broadcast": module("return (x[:, None] - y[None]).square().sum(-1)", "x=(R, 12); y=(C, 12)", **SMALL),
    "sum_of_an_expanded": module("return (x.expand(x.shape[0], y.shape[1]) * 1.5).sum(1) + x.expand(x.shape[0], y.shape[1]).var(1), x.expand(x.shape[0], y.shape[1]).logsumexp(1)", "x=(R, 1); y=(R, C)", **SMALL),
    "deep": module("h = x - x.mean(1, keepdim=True); h = h / h.abs().amax(1, keepdim=True); h = torch.softmax(h, 1); return (h * (x - h.amax(1, keepdim=True))).sum(1)", "x=(R, C)", **SMALL),
    "two_rows_of_one": module("return torch.softmax(x.sum(2), 1)", "x=(B, R, C)", **CUBE),
    "norm_and_cosine": module("return F.cosine_similarity(x, y, dim=1), F.normalize(x, p=1, dim=0), torch.linalg.vector_norm(x, float('inf'), dim=1)", "x=(R, C); y=(R, C)", **SMALL),
    "parts_of_a_row": module("a, b = x.chunk(2, 1); return torch.softmax(a, 1) * b.amax(1, keepdim=True)", "x=(R, 2 * C)", **SMALL),
    "batch_norm_by_hand": module("m = x.mean((0, 2, 3), keepdim=True); v = x.var((0, 2, 3), keepdim=True, correction=0); return (x - m) / (v + 1e-5).sqrt() * self.w", "x=(B, 3, H, W)", "self.w = nn.Parameter(torch.rand(3, 1, 1))", **IMAGE),
    "batch_norm_of_columns": module("return self.n(x).relu().sum(1)", "x=(R, 6)", "self.n = nn.BatchNorm1d(6).eval(); self.n.train = lambda mode=True: self.n", "R=70", "R=3"),
    "batch_norm_then_mean": module("return self.n(x).mean((2, 3)), self.n(x).amax(1)", "x=(B, 4, H, W)", "self.n = nn.BatchNorm2d(4).eval(); self.n.train = lambda mode=True: self.n", **IMAGE),
    "batch_norm_half": module("return torch.softmax(self.n(x) + y, 1)", "x=(B, 5, C); y=(C,)", "self.n = nn.BatchNorm1d(5, affine=False).half().eval(); self.n.train = lambda mode=True: self.n", dtype="float16", **CUBE),
    "batch_norm_by_function": module("return F.batch_norm(x, m, v, w, b, False).sum((2, 3, 4))", "x=(B, 3, 2, H, W); m=(3,); v=torch.rand(3) + 0.5; w=(3,); b=(3,)", **IMAGE),
    # losses
    "cross_entropy_of_pixels": module("return F.cross_entropy(x, y), F.cross_entropy(x, y, reduction='none')", "x=(B, 7, H, W); y=torch.randint(7, (B, H, W))", **IMAGE),
    "cross_entropy_ignores": module("return F.cross_entropy(x, y, ignore_index=2, label_smoothing=0.2, reduction='sum')", "x=(R, C); y=torch.randint(4, (R,))", **SMALL),
    "cross_entropy_of_tokens": module("return F.cross_entropy(x.view(-1, x.shape[-1]).float(), y.view(-1), ignore_index=0)", "x=(B, R, C); y=torch.randint(C, (B, R))", dtype="bfloat16", **CUBE),
    "cross_entropy_of_one_row": module("return F.cross_entropy(x * 3, y), x.amax(0)", "x=(C,); y=torch.randint(C, ())", **SMALL),
    "cross_entropy_by_hand": module("l = torch.log_softmax(x, 1); return F.nll_loss(l, y, reduction='none'), l.exp().sum(1)", "x=(R, C); y=torch.randint(C, (R,))", **SMALL),
    "two_of_a_row": module("return F.relu((x - y).norm(dim=1) - (x - z).norm(dim=1) + 1).mean()", "x=(R, C); y=(R, C); z=(R, C)", **SMALL),
    "binary": module("return F.binary_cross_entropy_with_logits(x, y, reduction='none').sum(1), F.binary_cross_entropy(torch.sigmoid(x), y)", "x=(R, C); y=torch.rand(R, C)", **SMALL),
    "distances": module("return F.smooth_l1_loss(x, y, beta=0.3), F.l1_loss(x, y, reduction='sum'), F.mse_loss(x, y, reduction='none').mean(0)", "x=(R, C); y=(R, C)", **SMALL),
    "divergence": module("return F.kl_div(F.log_softmax(x, 1), F.softmax(y, 1), reduction='batchmean')", "x=(R, C); y=(R, C)", **SMALL),
}
WHOLE = {
    "norm_of_all": module("return x / x.norm(), x.abs().max()", "x=(R, C)", dtype="float16", sizes="R=300, C=150", other="R=200, C=300"),
    "means_of_columns": module("m = x.mean(0); return m, (x - m).square().mean(0)", "x=(R, C)", sizes="R=33000, C=2", other="R=40001, C=3"),
    "long_softmax": module("return torch.softmax(x, 1) * 2", "x=(R, C)", sizes="R=2, C=33333", other="R=1, C=40000"),
    "extremes_and_places": module("v, i = x.max(1); return v, i, x.argmin(1, keepdim=True), x.amin(1)", "x=torch.randint(-900, 900, (R, C))", sizes="R=2, C=33333", other="R=3, C=40000"),
    "not_numbers": module("h = torch.where(x > 4, float('nan'), x); return h.amax(1), h.argmax(1), h.argmin(1), h.sum(1)", "x=(R, C)", sizes="R=3, C=33333", other="R=2, C=40000"),
    "channels": module("m = x.mean((0, 2, 3)); v = x.var((0, 2, 3)); return m, v", "x=(B, 3, H, W)", sizes="B=4, H=100, W=90", other="B=5, H=91, W=101"),
    "logsumexp_masked": module("return torch.logsumexp(torch.where(m, x, float('-inf')), (0, 1)), m.sum()", "x=(R, C); m=torch.rand(R, C) > 0.9", sizes="R=180, C=200", other="R=300, C=120"),
    "losses": module("return F.mse_loss(x, y) + 0.1 * F.l1_loss(x, y), x + y", "x=(R, C); y=(R, C)", dtype="bfloat16", sizes="R=300, C=150", other="R=200, C=300"),
    "cross_entropy_of_long_rows": module("return F.cross_entropy(x, y, reduction='none')", "x=(R, C); y=torch.randint(C, (R,))", sizes="R=3, C=33001", other="R=2, C=40000"),
    "layer_norm_of_all": module("return F.layer_norm(x, x.shape) + 1", "x=(R, C)", sizes="R=180, C=200", other="R=300, C=120"),
}
SCANS = {
    "first_axis": module("return x.cumsum(0) * 2", "x=(R, C)", **HIGH),
    "middle_half": module("return torch.cumsum(x, -2) - y", "x=(B, R, C); y=(R, 1)", dtype="float16", **CUBE),
    "integers": module("return x.cumsum(1), (x > 0).cumsum(1, dtype=torch.int32), x.cumprod(1)", "x=torch.randint(-2, 3, (R, C), dtype=torch.int32)", **SMALL),
    "of_a_softmax": module("p = torch.softmax(x, 1); return p.cumsum(1), p", "x=(R, C)", **SMALL),
    "then_reduced": module("c = torch.cumsum(x, 1); return c.amax(1), c / c.abs().sum(1, keepdim=True)", "x=(R, C)", **SMALL),
    "exclusive": module("return torch.cumsum(x, 1) - x, torch.cumprod(1 - 0.1 * x.sigmoid(), 1) * x", "x=(R, C)", dtype="bfloat16", **SMALL),
    "both_ways": module("return torch.cumsum(x, 1) + torch.cumsum(x.flip(1), 1).flip(1)", "x=(R, C)", **SMALL),
    "backwards_with_ties": module("c = torch.cumsum((x > 1).float().flip(1), 1).flip(1); return c.argmax(1), c.argmin(1), c", "x=(R, C)", **SMALL),
    "backwards_columns": module("return torch.cumsum(x.flip(0) * y, 0).flip(0)", "x=(R, C); y=(C,)", **HIGH),
    "masked": module("return torch.cumsum(x.masked_fill(m, 0), -1).masked_fill(m, -1)", "x=(B, R, C); m=torch.rand(R, C) > 0.5", **CUBE),
    "twice": module("return torch.cumsum(torch.cumsum(x, 1), 1)", "x=(R, C)", **SMALL),
    "one_row_alone": module("return torch.cumsum(x[0], 0), torch.cumsum(x, 0)", "x=(R, C)", sizes="R=1, C=70", other="R=1, C=20"),
    "double": module("return torch.cumsum(x * 0.03, 1).exp().cumprod(1)", "x=(R, C)", dtype="float64", **SMALL),
}
SELECTIONS = {
    "half_of_three": module("v, i = x.topk(3, -1); return v * 2, i", "x=(B, R, C)", dtype="bfloat16", sizes="B=2, R=3, C=41", other="B=1, R=5, C=6"),
    "one_row": module("return x.topk(4)", "x=(C,)", sizes="C=200", other="C=7"),
    "all_of_a_row": module("v, i = (x + y).topk(6); return v, i.float() / 6", "x=(R, 6); y=(6,)", sizes="R=3", other="R=40"),
    "only_values": module("return torch.topk(x.t(), 2, 1, sorted=False)[0].sum(1)", "x=(C, R)", **SMALL),
    "infinities": module("v, i = torch.where(x > 0, x, float('-inf')).topk(5); return v, torch.where(v > 0, i, -1)", "x=(R, C)", **SMALL),
    "twice_and_the_row": module("v, i = x.topk(2); w, j = (-x).topk(3); return v, i, w, j, x * 2", "x=(R, C)", dtype="float16", sizes="R=3, C=150", other="R=2, C=9"),
    "gates": module("p = torch.softmax(x, -1); v, i = torch.topk(p, 2, dim=-1); return v / v.sum(-1, keepdim=True), i", "x=(B, R, 8)", sizes="B=2, R=9", other="B=1, R=1"),
}
REFUSED = {
    "changes_its_input": module("x.mul_(2); return x + 1", "x=(R, C)", **SMALL),
    "changes_a_part": module("h = x * 2; h[:, 0] = 0; return h", "x=(R, C)", **SMALL),
    "changes_what_has_a_view": module("h = x * 2; a, b = h.split(9, 1)[:2]; h.add_(1); return a, b", "x=(R, 18)", sizes="R=5", other="R=7"),
    "answers_by_name": module("return {'a': x + 1, 'b': (x * 2, x.sum(1))}", "x=(R, C)", **SMALL),
    "nested": module("return (x + 1, x * 2), x.sum(1)", "x=(R, C)", **SMALL),
    "listed": module("return [x + 1, x * 2]", "x=(R, C)", **SMALL),
    "only_torch": module("return x.sort(1)[0], x.median(1)[0]", "x=(R, C)", **SMALL),
    "the_smallest": module("return x.topk(3, largest=False)[0], x.topk(2, 0)[1]", "x=(R, C)", **SMALL),
    "random": module("return torch.bernoulli(torch.full_like(x, 1.0))", "x=(R, C)", **SMALL),
}
COMPLEX = module("return torch.fft.rfft(x).abs() * torch.fft.rfft(x).angle()", "x=(R, C)", **SMALL)
