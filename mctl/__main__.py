"""`python -m mctl`, and what launchers start in every process: `torchrun --nproc-per-node 2 -m mctl compress`."""

from __future__ import annotations

from mctl.cli import main

if __name__ == "__main__":
    main()
