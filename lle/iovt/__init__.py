"""The mine's video network, simulated: cameras, edge boxes, a ring of switches, and the cloud. See docs/simulation.md."""
