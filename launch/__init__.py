"""Starts trainings elsewhere (Cloud TPUs, Slurm, containers), and sweeps of them."""
