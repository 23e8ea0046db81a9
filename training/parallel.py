"""Data-parallel training on one machine's cores: processes of one thread each, gradients averaged through shared memory.

Two OpenMP threads in one process stall on each other, and gloo's all-reduce costs more than the sum itself at this size.
"""
import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def rows_last(t):
    """A gradient as one row in memory order, so that channels-last tensors need no shuffle."""
    return t.permute(0, 2, 3, 1).reshape(-1) if t.dim() == 4 and t.is_contiguous(memory_format=torch.channels_last) else t.reshape(-1)


def put_back(t, row):
    if t.dim() == 4 and t.is_contiguous(memory_format=torch.channels_last):
        o, i, h, w = t.shape
        t.copy_(row.view(o, h, w, i).permute(0, 3, 1, 2))
    else:
        t.copy_(row.view(t.shape))


class Group:
    """Process `rank` of `n`. Every method must be called by all of them in the same order."""

    def __init__(self, rank, n, key, numel):
        self.rank, self.n = rank, n
        if n > 1:
            path = f'/dev/shm/tintype_{key}'
            if rank == 0:
                with open(path, 'wb') as f:
                    f.truncate(4 * n * numel)
            dist.init_process_group('gloo', init_method=f'file:///dev/shm/tintype_{key}.init', rank=rank, world_size=n)
            dist.barrier()
            self.shared = torch.from_file(path, shared=True, size=n * numel, dtype=torch.float32).view(n, numel)

    def average(self, params):
        """Replace each gradient by its mean over the processes."""
        if self.n == 1:
            return
        o, spans = 0, []
        for p in params:
            spans.append((p, o, o + p.numel()))
            self.shared[self.rank, o:o + p.numel()].copy_(rows_last(p.grad))
            o += p.numel()
        dist.barrier()
        for p, a, b in spans:
            put_back(p.grad, self.shared[:, a:b].mean(0))
        dist.barrier()

    def agree(self, value):
        """The number that process 0 has, in all of them."""
        if self.n == 1:
            return value
        t = torch.tensor([float(value)], dtype=torch.float64)
        dist.broadcast(t, 0)
        return t.item()


def run(worker, args, procs):
    """`worker(rank, args, key)` in `procs` processes; in this one where there is only one."""
    import os
    key = f'{os.getpid()}'
    try:
        if procs == 1:
            worker(0, args, key)
        else:
            mp.spawn(worker, (args, key), procs)
    finally:
        for f in (f'/dev/shm/tintype_{key}', f'/dev/shm/tintype_{key}.init'):
            if os.path.exists(f):
                os.remove(f)
