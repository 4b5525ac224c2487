"""Pure decisions: no clock, no chance, no operating system. Time and outcomes are arguments."""
