"""Work on several machines: pictures through Ray Data, and independent jobs by Ray or SLURM. Nothing here is imported by other work."""
