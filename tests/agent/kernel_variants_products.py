"""Variants of products and attentions: other shapes, types, layouts, orders of operations, masks and readers."""

from __future__ import annotations

from .kernel_modules import module

FLAT = {"sizes": "R=33, C=64", "other": "R=70, C=52"}
BATCH = {"sizes": "B=2, T=40", "other": "B=3, T=20"}
HALF = {"dtype": "float16"}

PRODUCTS = {
    "linear_of_three_axes": module("return F.silu(self.l(x)) * y, x * 2", "x=(B, T, 40); y=(40,)", "self.l = nn.Linear(40, 40)", **BATCH),
    "bias_that_lies_apart": module("return F.linear(x, self.w, self.b[::2]) + 1", "x=(R, 32)", "self.w = nn.Parameter(torch.randn(24, 32)); self.b = nn.Parameter(torch.randn(48))", "R=33", "R=17"),
    "bias_computed": module("return torch.addmm(b * 2, x, y).relu()", "x=(R, C); y=(C, 24); b=(24,)", **FLAT),
    "turned_weight": module("return x @ self.w + self.w.sum()", "x=(R, 32)", "self.w = nn.Parameter(torch.randn(40, 32).t())", "R=33", "R=17"),
    "two_readers": module("h = x @ y; return h.relu(), h.sigmoid().sum(1), h", "x=(R, C); y=(C, 24)", **FLAT),
    "two_products": module("return (x @ y) * torch.sigmoid(x @ z)", "x=(R, C); y=(C, 24); z=(C, 24)", **FLAT),
    "read_turned": module("h = x @ y; return h + h.t()", "x=(R, C); y=(C, R)", sizes="R=36, C=64", other="R=20, C=52"),
    "residual_before": module("h = x + y; return h @ z + h[:, :1], h", "x=(R, C); y=(R, 1); z=(C, 24)", **FLAT),
    "then_softmax": module("return torch.softmax(x @ y * 0.2, -1)", "x=(R, C); y=(C, 20)", **FLAT),
    "half_then_float": module("return (F.gelu(x @ y.t() + b) * 2).float()", "x=(R, C); y=(24, C); b=(24,)", dtype="float16", sizes="R=33, C=64", other="R=70, C=56"),
    "half_columns": module("return x.t() @ y", "x=(C, R); y=(C, 24)", dtype="float16", sizes="R=40, C=64", other="R=24, C=56"),
    "parts_of_both": module("return x[:, 16:] @ y[:, :24] + x[:, :1]", "x=(R, C); y=(C - 16, 48)", **FLAT),
    "four_axes": module("return x @ self.w.t() * m[..., None]", "x=(B, 3, T, 32); m=(B, 3, T)", "self.w = nn.Parameter(torch.randn(20, 32))", **BATCH),
    "layers": module("return self.b(torch.tanh(self.a(x)) + x) + x.mean(1, keepdim=True)", "x=(R, 32)", "self.a = nn.Linear(32, 32); self.b = nn.Linear(32, 32, bias=False)", "R=33", "R=17"),
    "reshaped_after": module("return (x @ y).view(-1, 4, 6).transpose(1, 2) * 2", "x=(R, C); y=(C, 24)", **FLAT),
    "norm_before": module("return F.layer_norm(x, (x.shape[1],)) @ y * 0.5", "x=(R, C); y=(C, 24)", **FLAT),
}
BATCHED = {
    "squares": module("return x @ x.transpose(1, 2)", "x=(B, T, 20)", **BATCH),
    "one_batch": module("return torch.bmm(x, y) - z", "x=(1, T, 20); y=(1, 20, 24); z=(T, 1)", sizes="T=40", other="T=17"),
    "rows_of_one": module("return torch.bmm(x, y).tanh()", "x=(B, 1, 32); y=(B, 32, 24)", sizes="B=5", other="B=3"),
    "turned_both": module("return (x.transpose(1, 2) @ y.transpose(1, 2)).relu()", "x=(B, 32, T); y=(B, 24, 32)", **BATCH),
    "heads_permuted": module("q = x.view(x.shape[0], x.shape[1], 2, 16).transpose(1, 2); return (q @ y) * 0.5", "x=(B, T, 32); y=(B, 2, 16, 24)", **BATCH),
    "half_with_mask": module("s = torch.matmul(x, y.transpose(-1, -2)) * 0.1; return torch.where(m, s, -1e4), s.amax(-1)", "x=(B, 2, T, 32); y=(B, 2, 24, 32); m=torch.rand(T, 24) > 0.5", dtype="float16", **BATCH),
    "picked_left": module("return torch.bmm(w[i], x) + 1", "x=(B, 32, 24); w=(4, 20, 32); i=torch.randint(4, (B,))", sizes="B=6", other="B=3"),
    "picked_and_scaled": module("return torch.bmm(x, w[i]) * s[i][:, None, None]", "x=(B, T, 32); w=(4, 32, 24); s=(4,); i=torch.randint(-4, 4, (B,), dtype=torch.int32)", dtype="float16", **BATCH),
    "picked_and_read": module("p = w[i]; return torch.bmm(x, p), p.sum(1)", "x=(B, T, 32); w=(4, 32, 24); i=torch.randint(4, (B,))", **BATCH),
}
PROLOGUES = {
    "relu_in_front": module("return F.relu(x + b) @ y", "x=(R, C); y=(C, 24); b=(C,)", **FLAT),
    "half_mask_in_front": module("return F.linear(torch.where(m, x, 0.0), w, b).tanh()", "x=(R, C); m=torch.rand(R, C) > 0.3; w=(24, C); b=(24,)", dtype="float16", sizes="R=33, C=64", other="R=17, C=56"),
    "both_computed": module("return (x - y) @ (z * s) * 2", "x=(R, C); y=(R, 1); z=(C, 24); s=(1, 24)", **FLAT),
    "reshaped_between": module("h = F.gelu(x) * y; return h.flatten(1) @ z", "x=(R, 4, C); y=(C,); z=(4 * C, 24)", sizes="R=33, C=16", other="R=17, C=12"),
    "batched_turned": module("return torch.bmm(x.exp(), (y * 0.5).transpose(1, 2)) + x[:, :, :1]", "x=(B, T, 32); y=(B, 24, 32)", **BATCH),
    "rows_scaled": module("return torch.matmul(x * s[..., None], w.t().contiguous())", "x=(B, T, 32); s=(B, T); w=(24, 32)", **BATCH),
    "places_in_front": module("p = torch.arange(x.shape[1]); return (x * (p < 20) + p * 0.01) @ y", "x=(R, C); y=(C, 24)", **FLAT),
    "integers_in_front": module("return (c.float() / 3 - 1) @ y", "c=torch.randint(7, (R, C)); y=(C, 24)", **FLAT),
}
COPIED = {  # by the copy engine: two matrices of half precision
    "plain": module("return x @ y", "x=(R, C); y=(C, 24)", dtype="float16", sizes="R=133, C=64", other="R=270, C=56"),
    "turned": module("return F.linear(x, w, b).relu()", "x=(R, C); w=(40, C); b=(40,)", dtype="float16", sizes="R=133, C=64", other="R=7, C=200"),
    "three_axes": module("return torch.tanh(x @ w) * y, x * 2", "x=(B, T, 64); w=(64, 40); y=(B, T, 1)", dtype="float16", sizes="B=2, T=70", other="B=3, T=20"),
    "turned_input": module("return x.t() @ y + z", "x=(C, R); y=(C, 24); z=(R, 1)", dtype="float16", sizes="R=136, C=64", other="R=24, C=56"),
    "two_readers": module("h = x @ y; return h, h.float().sum(1)", "x=(R, C); y=(C, 24)", dtype="float16", sizes="R=133, C=64", other="R=9, C=56"),
    "bias_that_lies_apart": module("return F.linear(x, self.w, self.b[::2]) * 0.5", "x=(R, 64)", "self.w = nn.Parameter(torch.randn(40, 64).half()); self.b = nn.Parameter(torch.randn(80).half())", "R=133", "R=7", dtype="float16"),
    "integers": module("return torch._int_mm(x, y.t()) * s[:, None]", "x=torch.randint(-9, 9, (R, 64), dtype=torch.int8); y=torch.randint(-9, 9, (48, 64), dtype=torch.int8); s=(R,)", sizes="R=133", other="R=40"),
}
W4 = "c = torch.stack((w & 15, w >> 4), -1).flatten(1).to(torch.int8) - 8; w = (c.unflatten(1, (s.shape[1], -1)).to(x.dtype) * s[..., None]).flatten(1); "
QUANTISED = {
    "four_bits_half": module(W4 + "return F.silu(x @ w.t()) + x[:, :1]", "x=(R, 64); w=torch.randint(256, (24, 32), dtype=torch.uint8); s=(24, 2)", dtype="float16", sizes="R=33", other="R=17"),
    "four_bits_linear": module(W4 + "return F.linear(x, w, b)", "x=(B, T, 64); w=torch.randint(256, (24, 32), dtype=torch.uint8); s=(24, 8); b=(24,)", **BATCH),
    "eight_bits_of_columns": module("return x @ (w.to(x.dtype) * s)", "x=(R, C); w=torch.randint(-128, 127, (C, 24), dtype=torch.int8); s=(24,)", **FLAT),
    "eight_bits_of_rows": module("return F.linear(x, (w.float() - z[:, None]) * s[:, None]) * 0.1", "x=(R, C); w=torch.randint(256, (24, C), dtype=torch.uint8); s=(24,); z=torch.randint(256, (24,)).float()", **FLAT),
    "eight_bits_both": module("return torch._int_mm(x, y).float() * a[:, None] * b + c", "x=torch.randint(-9, 9, (R, 64), dtype=torch.int8); y=torch.randint(-9, 9, (64, 32), dtype=torch.int8); a=(R,); b=(32,); c=(32,)", sizes="R=33", other="R=70"),
    "eight_bits_plain": module("return torch._int_mm(x, y.t())", "x=torch.randint(-9, 9, (R, 64), dtype=torch.int8); y=torch.randint(-9, 9, (24, 64), dtype=torch.int8)", sizes="R=33", other="R=70"),
    "rounded_in_front": module("s = x.abs().amax(1, keepdim=True) / 127; c = torch.clamp(torch.floor(x / s + 0.5), -127, 127); return (c @ w.float()) * s", "x=(R, C); w=torch.randint(-9, 9, (C, 24), dtype=torch.int8)", **FLAT),
    "scales_of_groups": module("w = (c.view(24, 4, 16).to(x.dtype) * s[:, :, None]).view(24, 64); return torch.matmul(x, w.transpose(0, 1)).relu()", "x=(R, 64); c=torch.randint(-8, 8, (24, 64), dtype=torch.int8); s=(24, 4)", dtype="float16", sizes="R=33", other="R=17"),
}
QKV = "q=(B, 2, T, 32); k=(B, 2, T, 32); v=(B, 2, T, 32)"
LONG = {"sizes": "B=1, T=150", "other": "B=1, T=131"}  # more rows than a block has
ATTENTIONS = {
    "three_axes": module("return torch.softmax(q @ k.transpose(1, 2) * 0.2, -1) @ v", "q=(B, T, 16); k=(B, 19, 16); v=(B, 19, 24)", **BATCH),
    "odd_widths": module("return F.scaled_dot_product_attention(q, k, v, scale=0.5) + 1", "q=(B, 2, T, 17); k=(B, 2, 21, 17); v=(B, 2, 21, 33)", **BATCH),
    "scaled_query": module("q = q * 0.25; return (q @ k.mT).softmax(-1) @ v", QKV, dtype="float16", **BATCH),
    "scaled_key": module("return torch.softmax(q @ (k * 0.3).transpose(-1, -2), -1) @ (v + 1)", QKV, **BATCH),
    "in_float": module("s = (q @ k.transpose(-2, -1)).float() * 0.2; return torch.softmax(s, -1).to(q.dtype) @ v", QKV, dtype="float16", **BATCH),
    "one_query": module("return F.scaled_dot_product_attention(q, k, v)", "q=(B, 2, 1, 32); k=(B, 2, T, 32); v=(B, 2, T, 32)", **BATCH),
    "causal_more_columns": module("n, m = q.shape[-2], k.shape[-2]; later = torch.ones(n, m, dtype=torch.bool).triu(1 + m - n); return torch.softmax((q @ k.mT * 0.2).masked_fill(later, float('-inf')), -1) @ v", "q=(B, 2, 20, 32); k=(B, 2, T, 32); v=(B, 2, T, 32)", **BATCH),
    "causal_other_rows": module("return F.scaled_dot_product_attention(q, k, v, is_causal=True)", "q=(B, 2, 37, 32); k=(B, 2, T, 32); v=(B, 2, T, 32)", **BATCH),
    "causal_long_half": module("return F.scaled_dot_product_attention(q, k, v, is_causal=True)", QKV, dtype="float16", **LONG),
    "causal_added": module("n = q.shape[-2]; m = torch.full((n, n), float('-inf')).triu(1); return torch.softmax(q @ k.mT * 0.2 + m, -1) @ v", QKV, **LONG),
    "causal_by_places": module("p = torch.arange(q.shape[-2]); s = torch.where(p[None, :] <= p[:, None], q @ k.mT * 0.2, float('-inf')); return torch.softmax(s, -1) @ v", QKV, **LONG),
    "causal_strict": module("p = torch.arange(q.shape[-2]); s = torch.where(p[None, :] < p[:, None] + 2, q @ k.mT * 0.2, float('-inf')); return torch.softmax(s, -1) @ v", QKV, **LONG),
    "causal_and_lengths": module("p = torch.arange(q.shape[-2]); out = (p[None, :] > p[:, None]) | (p >= n[:, None, None, None]); return torch.softmax((q @ k.mT * 0.2).masked_fill(out, float('-inf')), -1) @ v", QKV + "; n=torch.randint(5, 20, (B,))", **LONG),
    "window_around": module("p = torch.arange(q.shape[-2]); far = (p[:, None] - p).abs() > 5; return torch.softmax((q @ k.mT * 0.2).masked_fill(far, float('-inf')), -1) @ v", QKV, **LONG),
    "window_with_less": module("p = torch.arange(q.shape[-2]); since = p[:, None] - p; return torch.softmax((q @ k.mT * 0.2).masked_fill((since > 11) | (since < 0), float('-inf')), -1) @ v", QKV, dtype="float16", **LONG),
    "slopes": module("p = torch.arange(q.shape[-2]); s = q @ k.mT * 0.2 - a[:, None, None] * (p[:, None] - p).abs(); return torch.softmax(s, -1) @ v", QKV + "; a=(2,)", **BATCH),
    "capped": module("s = torch.tanh(q @ k.mT * 0.1) * 5; return torch.softmax(s, -1) @ v", QKV, **BATCH),
    "rows_shut_out": module("s = (q @ k.mT).masked_fill(m[..., None], float('-inf')); return torch.softmax(s, -1) @ v", QKV + "; m=torch.rand(B, 1, T) > 0.7", **BATCH),
    "permuted_in": module("q, k, v = (t.view(t.shape[0], t.shape[1], 2, 16).permute(0, 2, 1, 3) for t in (x, x * 2, y)); return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)", "x=(B, T, 32); y=(B, T, 32)", **BATCH),
}
ATTENTION_LEFT = {
    "weights_answered": module("w = torch.softmax(q @ k.transpose(-2, -1) * 0.2, -1); return w @ v, w", QKV, **BATCH),
    "scores_answered": module("s = q @ k.transpose(-2, -1) * 0.2; return torch.softmax(s, -1) @ v, s", QKV, **BATCH),
    "product_answered": module("s = q @ k.transpose(-2, -1); return torch.softmax(s * 0.2, -1) @ v, s", QKV, **BATCH),
    "softmax_of_rows": module("return torch.softmax(q @ k.transpose(-2, -1) * 0.2, -2) @ v", QKV, **BATCH),
    "weights_read": module("w = torch.softmax(q @ k.transpose(-2, -1) * 0.2, -1); return w @ v, w.amax(-1)", QKV, **BATCH),
    "softmax_by_hand": module("s = q @ k.mT * 0.2; e = torch.exp(s - s.amax(-1, keepdim=True)); return (e / e.sum(-1, keepdim=True)) @ v", QKV, **BATCH),
    "query_reads_first": module("s = torch.einsum('bhqd,bhkd->bhqk', q, k) * 0.2; return torch.einsum('bhqk,bhkd->bhqd', torch.softmax(s, -1), v)", QKV, **BATCH),
}
VECTORS = {
    "one_token": module("return F.silu(self.a(x)) * self.b(x)", "x=(1, 1, 40)", "self.a = nn.Linear(40, 70); self.b = nn.Linear(40, 70, bias=False)", "R=1", "R=1"),
    "columns": module("return (x @ y * 0.5).relu(), x * 2", "x=(1, C); y=(C, R)", sizes="R=70, C=45", other="R=13, C=20"),
    "matrix_and_vector": module("return torch.mv(x, y) + z, x.sum(1)", "x=(R, C); y=(C,); z=(R,)", sizes="R=9, C=45", other="R=13, C=20"),
    "vector_and_matrix": module("return y @ x, torch.dot(y, y * z)", "x=(R, C); y=(R,); z=(R,)", sizes="R=45, C=9", other="R=20, C=33"),
    "one_column_half": module("return (x @ y).squeeze(-1).sigmoid()", "x=(R, 2, C); y=(C, 1)", dtype="float16", sizes="R=9, C=45", other="R=13, C=20"),
    "batches": module("return torch.bmm(x, y.transpose(1, 2)).tanh() + b", "x=(B, 1, C); y=(B, R, C); b=(R,)", sizes="B=3, R=9, C=45", other="B=2, R=40, C=20"),
    "batches_of_columns": module("return torch.matmul(x, y) - z, torch.matmul(w, x.mT)", "x=(B, 2, 1, C); y=(B, 2, C, R); z=(R,); w=(B, 2, R, C)", dtype="bfloat16", sizes="B=2, R=9, C=45", other="B=1, R=40, C=20"),
    "norm_in_front": module("h = F.rms_norm(x, (x.shape[-1],)); return torch.softmax(h @ y.t(), -1), h", "x=(1, C); y=(R, C)", sizes="R=45, C=40", other="R=13, C=20"),
    "bias_added": module("return torch.addmm(b, x, y).exp()", "x=(1, C); y=(C, R); b=(R,)", sizes="R=45, C=40", other="R=13, C=20"),
    "double": module("return F.linear(x, w.t()) * 2", "x=(1, C); w=(C, R)", dtype="float64", sizes="R=45, C=40", other="R=13, C=20"),
    "long": module("return x @ y", "x=(1, C); y=(C, R)", sizes="R=3, C=40000", other="R=2, C=33000"),
}
