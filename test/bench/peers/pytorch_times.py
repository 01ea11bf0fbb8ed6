"""What PyTorch takes on the device: cases as JSON come in, milliseconds go out. Read by device.ts."""

import json
import statistics
import sys

import torch
import torch.nn.functional as functional
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

given = json.load(sys.stdin)
types = {"f16": torch.float16, "bf16": torch.bfloat16, "tf32": torch.float32, "f32": torch.float32}


def median_ms(work):
    for _ in range(3):
        work()
    times = []
    for _ in range(given["rounds"]):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(given["launches"]):
            work()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / given["launches"])
    return statistics.median(times)


def product(case, kind):
    x = torch.randn(case["rows"], case["inner"], device="cuda", dtype=kind)
    w = torch.randn(case["columns"], case["inner"], device="cuda", dtype=kind)
    return {"cuBLAS": lambda: functional.linear(x, w)}


def attention(case, kind):
    visual, text = case["visual"], case["text"]
    shape = lambda rows: (1, case["heads"], rows, case["width"])
    q = torch.randn(shape(text), device="cuda", dtype=kind)
    k, v = (torch.randn(shape(visual + text), device="cuda", dtype=kind) for _ in range(2))
    if visual == 0:
        return {"SDPA, is_causal": lambda: functional.scaled_dot_product_attention(q, k, v, is_causal=True)}
    rows = torch.arange(text, device="cuda") + visual
    dense = torch.arange(visual + text, device="cuda")[None, :] <= rows[:, None]
    ways = {"SDPA, dense mask": lambda: functional.scaled_dot_product_attention(q, k, v, attn_mask=dense)}
    if kind != torch.float32:
        block = create_block_mask(
            lambda b, h, i, j: j <= i + visual, None, None, text, visual + text, device="cuda"
        )
        flex = torch.compile(flex_attention)
        ways["FlexAttention"] = lambda: flex(q, k, v, block_mask=block)
    return ways


def best(case, name):
    torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
    ways = (product if case["kind"] == "product" else attention)(case, types[name])
    found = []
    for how, work in ways.items():
        try:
            found.append((median_ms(work), how))
        except Exception as error:
            print(f"{how}: {error}", file=sys.stderr)
    ms, how = min(found)
    return {"ms": ms, "how": how}


print(json.dumps([{name: best(case, name) for name in types} for case in given["cases"]]))
