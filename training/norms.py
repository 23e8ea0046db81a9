"""GroupNorm as sums over each channel first: what torch.compile makes of the usual one in channels-last memory took half of a training step."""
import torch


def group_norm(self, x):
    """`GroupNorm.forward`: the same numbers within rounding, since E[x²] − E[x]² is summed in float32."""
    n, c = x.shape[:2]
    f, inner = x.float(), tuple(range(2, x.dim()))
    size = f.numel() // (n * self.num_groups)
    mean, square = (s.view(n, self.num_groups, -1).sum(-1, keepdim=True) / size for s in (f.sum(inner), (f * f).sum(inner)))
    spread = torch.rsqrt((square - mean * mean).clamp_min(0) + self.eps)
    per_channel = lambda t: t.expand(-1, -1, c // self.num_groups).reshape(n, c)
    scale = per_channel(spread) * self.weight
    shift = self.bias - per_channel(mean) * scale
    shape = (n, c) + (1,) * len(inner)
    return f * scale.view(shape) + shift.view(shape)


def quicken():
    """Every GroupNorm of this process from now on."""
    torch.nn.GroupNorm.forward = group_norm
