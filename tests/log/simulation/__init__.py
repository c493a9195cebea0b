"""The simulation of replicas: seeded, without IO; scripts that shrink, a plain definition to compare with."""
