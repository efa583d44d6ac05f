"""What a node does about what it is wanted to run. Pure: the simulator runs it with a scripted body."""
